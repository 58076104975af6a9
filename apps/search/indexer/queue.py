"""Which documents wait for indexing. Their rows are the queue; workers claim them for a moment.

A claim that is not renewed for CLAIM_S belongs to nobody, so the work of a worker that was killed
is taken up again. Two workers on one document do no harm: the later one finds it done.
"""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import partial

from django.db import DatabaseError, transaction
from django.db.models import Q
from django.db.models.functions import Now

from apps.connections.models import ConnectionState
from apps.documents.models import Document
from apps.tenants.repeating import repeating

logger = logging.getLogger(__name__)

CLAIM_S = 8
_RENEW_S = 2.0
_MAX_DELAY_S = 600


def claim(limit: int) -> list[int]:
    """Take documents that wait for indexing and that no living worker holds, oldest first.

    Documents of a paused connection wait until it is resumed. Runs in a transaction of its own.
    """
    with transaction.atomic():
        ids = list(
            Document.objects.to_index()
            .filter(
                Q(index_claimed_at=None)
                | Q(index_claimed_at__lt=Now() - timedelta(seconds=CLAIM_S)),
                Q(index_after=None) | Q(index_after__lte=Now()),
                connection__state=ConnectionState.ACTIVE,
            )
            .select_for_update(skip_locked=True, of=("self",))
            .values_list("pk", flat=True)[:limit]
        )
        Document.objects.filter(pk__in=ids).update(index_claimed_at=Now())
    return ids


def back_off(document_id: int, *, at_least_s: float = 0.0) -> None:
    """Let a document wait before the next attempt: 2 s, 4 s, … up to 10 minutes.

    Args:
        document_id: claimed.
        at_least_s: how long its source asks to wait (seconds).
    """
    with transaction.atomic():
        document = Document.objects.select_for_update().filter(pk=document_id).first()
        if document is None:
            return
        attempts = min(document.index_attempts + 1, 1_000)
        delay = timedelta(seconds=max(at_least_s, min(2 ** min(attempts, 10), _MAX_DELAY_S)))
        Document.objects.filter(pk=document_id).update(
            index_attempts=attempts, index_after=Now() + delay, index_claimed_at=None
        )


def release(document_ids: list[int]) -> None:
    """Give claimed documents back without having indexed them."""
    if document_ids:
        with transaction.atomic():
            Document.objects.filter(pk__in=document_ids).update(index_claimed_at=None)


def has_work() -> bool:
    """Return whether the bound tenant has passages to write, to re-point or to remove now."""
    waiting = Document.objects.to_index().filter(
        Q(index_after=None) | Q(index_after__lte=Now()), connection__state=ConnectionState.ACTIVE
    )
    return waiting.exists() or Document.objects.to_repoint().exists()


def renewing(document_ids: set[int]) -> AbstractContextManager[None]:
    """Renew the claims on these documents while the block runs; remove an id once it is done.

    Reading one file can take longer than a claim lasts.
    """
    return repeating(partial(_renew, document_ids), every_s=_RENEW_S, name="index-claims")


def _renew(document_ids: set[int]) -> bool:
    held = list(document_ids)
    try:
        with transaction.atomic():
            Document.objects.filter(pk__in=held).exclude(index_claimed_at=None).update(
                index_claimed_at=Now()
            )
    except DatabaseError as error:
        logger.warning("claims of %d documents were not renewed: %s", len(held), error)
    return True
