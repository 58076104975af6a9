"""Works off a tenant's queue: documents that wait for indexing, passages that are behind.

`sync_events` wakes it and is told of every outcome; the work itself stands in the documents' rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from apps.search.indexer import queue, repoint
from apps.search.indexer.in_flight import InFlight
from apps.search.indexer.indexing import IndexOutcome

_CLAIMED_AT_ONCE = 8
_REPOINTED_AT_ONCE = 200

Report = Callable[[IndexOutcome], None]


def work_off(*, budget_s: float, report: Report) -> bool:
    """Index and re-point until nothing is left or the time is up; the tenant is bound.

    Args:
        budget_s: seconds after which no new document is begun, so that tenants take turns.
        report: called after each document, one call at a time, outside any transaction.

    Returns:
        whether there was still work when the time was up.
    """
    deadline = time.monotonic() + budget_s
    with InFlight(report) as documents:
        while time.monotonic() < deadline and not documents.is_model_gone:
            repointed = repoint.repoint_chunks(_REPOINTED_AT_ONCE)
            claimed = queue.claim(_CLAIMED_AT_ONCE)
            if claimed:
                documents.take(claimed, deadline)
            elif not repointed and not documents.wait_until_empty():
                return False
    return not documents.is_model_gone
