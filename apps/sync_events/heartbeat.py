"""Says every other second that a run is being worked on, while its pages are fetched."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from uuid import UUID

from django.db import transaction

from apps.acls import freshness
from apps.sync_events import runs
from apps.tenants.repeating import repeating


def beating(run_id: int, token: UUID) -> AbstractContextManager[None]:
    """Keep the claim on a run alive for the length of the block.

    A source may take longer to answer than a claim lasts. The beat ends by itself when the claim is
    lost; the next page then finds out in its own transaction.
    """
    beat = partial(_beat, run_id, token)
    return repeating(beat, every_s=runs.HEARTBEAT_S, name=f"heartbeat-{run_id}")


def _beat(run_id: int, token: UUID) -> bool:
    # All workers may be busy with long runs, so that nobody takes the scheduler's tasks.
    with transaction.atomic():
        freshness.stay()
    return runs.beat(run_id, token)
