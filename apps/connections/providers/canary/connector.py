"""Hands out the texts of canary documents, which lie in their connection's own settings.

`documents.canary_planting` writes them; the ordinary indexing reads them here, so that canaries lie
in the index exactly as real documents do.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

from apps.connections.errors import ItemGone
from apps.connections.protocol import Cursor, Page


class CanarySource:
    """A source that is never swept: it lists nothing, and only opens what was planted.

    Args:
        settings: `texts` by external id.
        tenant_slug: as every connector takes it; not needed here.
    """

    def __init__(self, settings: Mapping[str, Any], *, tenant_slug: str) -> None:
        self._texts: Mapping[str, str] = settings.get("texts", {})

    def check(self) -> None:
        """Agree: there is nothing outside that could be missing."""

    def sweep(self, cursor: Cursor | None) -> Iterator[Page]:
        """List nothing: planting writes the documents."""
        return iter(())

    def changes(self, external_ids: Sequence[str]) -> Iterator[Page]:
        """Tell of no change."""
        return iter(())

    def permissions(self, cursor: Cursor | None = None) -> Iterator[Page]:
        """Tell of no reader: there never is one."""
        return iter(())

    @contextmanager
    def open(self, external_id: str) -> Iterator[BinaryIO]:
        """Open a canary's text.

        Raises:
            ItemGone: no canary of this name is planted.
        """
        text = self._texts.get(external_id)
        if text is None:
            raise ItemGone("The document is gone.", external_id=external_id)
        yield io.BytesIO(text.encode())
