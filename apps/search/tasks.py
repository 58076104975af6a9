"""Celery tasks: they only wake the work, which stands in the documents' rows."""

from __future__ import annotations

import logging
import time

from celery import shared_task

from apps.search import indexing, queue, repoint
from apps.search.embedding import EmbeddingUnavailable
from apps.tenants.context import tenant_context

logger = logging.getLogger(__name__)

_BUDGET_S = 20
_EXPIRES_S = 60
_CLAIMED_AT_ONCE = 8
_REPOINTED_AT_ONCE = 200


@shared_task(name="apps.search.tasks.index_pending", queue="index", expires=_EXPIRES_S)
def index_pending(tenant_id: int) -> None:
    """Index what waits in a tenant, for 20 s at most, so that tenants take turns."""
    with tenant_context(tenant_id):
        is_work_left = work_off(budget_s=_BUDGET_S)
    if is_work_left:
        index_pending.apply_async([tenant_id])


def work_off(*, budget_s: float) -> bool:
    """Index and re-point until nothing is left or the time is up; the tenant is bound.

    Returns:
        whether there was still work when the time was up.
    """
    deadline = time.monotonic() + budget_s
    while time.monotonic() < deadline:
        repointed = repoint.repoint_chunks(_REPOINTED_AT_ONCE)
        claimed = queue.claim(_CLAIMED_AT_ONCE)
        if not repointed and not claimed:
            return False
        if not _index_all(claimed, deadline):
            return False
    return True


def _index_all(claimed: list[int], deadline: float) -> bool:
    """Index the claimed documents; return False when the embedding model does not answer."""
    held = set(claimed)
    is_model_there = True
    with queue.renewing(held):
        for document_id in claimed:
            if not is_model_there or time.monotonic() >= deadline:
                break
            is_model_there = _index_one(document_id)
            held.discard(document_id)
    queue.release(sorted(held))
    return is_model_there


def _index_one(document_id: int) -> bool:
    """Index one document; return False when the embedding model does not answer."""
    try:
        outcome = indexing.index(document_id)
    except EmbeddingUnavailable as error:
        logger.warning("document %d waits: %s %s", document_id, error, error.detail)
        queue.back_off(document_id)
        return False
    except Exception:
        logger.exception("document %d waits for another attempt", document_id)
        queue.back_off(document_id)
        return True
    if outcome.state == "superseded":
        queue.release([document_id])
    return True
