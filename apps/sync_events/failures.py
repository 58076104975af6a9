"""Items that could not be synced: retried with back-off, then left in a list for an admin."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from apps import audit
from apps.connections.models import Connection
from apps.connections.protocol import Problem
from apps.sync_events import runs
from apps.sync_events.models import FailedItem

# Waiting time after the first, second, … failure; afterwards only an admin tries again.
BACK_OFF = [timedelta(minutes=m) for m in (1, 5, 30, 120)]


def note(source: Connection, problem: Problem) -> None:
    """Keep a failed item, and plan its next try."""
    item, is_new = FailedItem.objects.get_or_create(
        tenant_id=source.tenant_id,
        connection=source,
        external_id=problem.external_id,
        defaults={
            "code": problem.code,
            "message": problem.message[:1000],
            "hint": problem.hint[:500],
            "retry_at": timezone.now() + BACK_OFF[0],
        },
    )
    if is_new:
        return
    item.code, item.message, item.hint = problem.code, problem.message[:1000], problem.hint[:500]
    item.attempts += 1
    item.retry_at = _next_try(item.attempts)
    item.save()


def clear(source: Connection, external_ids: Sequence[str]) -> None:
    """Forget the failures of items that could be read again."""
    FailedItem.objects.filter(connection=source, external_id__in=list(external_ids)).delete()


def clear_older(source: Connection, started_at: datetime) -> None:
    """Forget what a finished sweep, which looked at everything, has not met again."""
    FailedItem.objects.filter(connection=source, last_failed_at__lt=started_at).delete()


def retry_due(source: Connection) -> int:
    """Queue another try of the items whose time has come; return how many."""
    due = FailedItem.objects.filter(connection=source, retry_at__lte=timezone.now())
    return _try_again(source, list(due))


def retry_now(items: Sequence[FailedItem], *, actor_id: int) -> int:
    """Queue another try of these items at once, as a person asked; return how many."""
    with transaction.atomic():
        by_source: dict[int, list[FailedItem]] = {}
        for item in items:
            by_source.setdefault(item.connection_id, []).append(item)
        for of_source in by_source.values():
            source = of_source[0].connection
            _try_again(source, of_source)
            audit.record(
                "sync.items_retried",
                tenant_id=source.tenant_id,
                actor_id=actor_id,
                target=source,
                count=len(of_source),
            )
    return len(items)


def _try_again(source: Connection, items: Sequence[FailedItem]) -> int:
    if not items:
        return 0
    runs.note_changes(source, [item.external_id for item in items])
    # Until that try has spoken, the item is not due again.
    FailedItem.objects.filter(pk__in=[item.pk for item in items]).update(retry_at=None)
    return len(items)


def _next_try(attempts: int) -> datetime | None:
    if attempts > len(BACK_OFF):
        return None
    return timezone.now() + BACK_OFF[attempts - 1]
