"""Works off a tenant's queue: documents that wait for indexing, passages that are behind.

`sync_events` wakes it and is told of every outcome; the work itself stands in the documents' rows.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from apps.search import indexing, queue, repoint
from apps.search.embedding import EmbeddingUnavailable
from apps.search.indexing import IndexOutcome

logger = logging.getLogger(__name__)

_CLAIMED_AT_ONCE = 8
_REPOINTED_AT_ONCE = 200

Report = Callable[[IndexOutcome], None]


def work_off(*, budget_s: float, report: Report) -> bool:
    """Index and re-point until nothing is left or the time is up; the tenant is bound.

    Args:
        budget_s: seconds after which no new document is begun, so that tenants take turns.
        report: called after each document, outside any transaction.

    Returns:
        whether there was still work when the time was up.
    """
    deadline = time.monotonic() + budget_s
    while time.monotonic() < deadline:
        repointed = repoint.repoint_chunks(_REPOINTED_AT_ONCE)
        claimed = queue.claim(_CLAIMED_AT_ONCE)
        if not repointed and not claimed:
            return False
        if not _index_all(claimed, deadline, report):
            return False
    return True


def _index_all(claimed: list[int], deadline: float, report: Report) -> bool:
    """Index the claimed documents; return False when the embedding model does not answer."""
    held = set(claimed)
    is_model_there = True
    with queue.renewing(held):
        for document_id in claimed:
            if not is_model_there or time.monotonic() >= deadline:
                break
            is_model_there = _index_one(document_id, report)
            held.discard(document_id)
    queue.release(sorted(held))
    return is_model_there


def _index_one(document_id: int, report: Report) -> bool:
    """Index one document; return False when the embedding model does not answer."""
    try:
        outcome = indexing.index(document_id)
    except EmbeddingUnavailable as error:
        logger.warning("document %d waits: %s %s", document_id, error, error.detail)
        queue.back_off(document_id)
        return False
    except Exception:  # one document that breaks a library must not keep all others waiting
        logger.exception("document %d waits for another attempt", document_id)
        queue.back_off(document_id)
        return True
    if outcome.state == "superseded":
        queue.release([document_id])
    report(outcome)
    return True
