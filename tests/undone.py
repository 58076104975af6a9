"""Examples that leave no rows behind, however they end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction


@contextmanager
def undone() -> Iterator[None]:
    """Take back everything that the block writes."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
