"""Says every other second that a run is being worked on, while its pages are fetched."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from uuid import UUID

from apps.sync_events import runs
from apps.tenants.repeating import repeating


def beating(run_id: int, token: UUID) -> AbstractContextManager[None]:
    """Keep the claim on a run alive for the length of the block.

    A source may take longer to answer than a claim lasts. The beat ends by itself when the claim is
    lost; the next page then finds out in its own transaction.
    """
    beat = partial(runs.beat, run_id, token)
    return repeating(beat, every_s=runs.HEARTBEAT_S, name=f"heartbeat-{run_id}")
