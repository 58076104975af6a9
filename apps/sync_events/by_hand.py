"""What a person sets going or stops: syncs of a source, of one item, retries, cancellations.

Each act is recorded with the person, and wakes a worker once it is committed.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from apps import audit
from apps.connections.models import Connection, ConnectionState
from apps.documents.models import Document
from apps.sync_events import failures, progress_events, runs, schedule, tasks
from apps.sync_events.models import UNFINISHED, FailedItem, Lane, RunState, SyncRun


def sync_now(source: Connection, *, actor_id: int) -> bool:
    """Compare everything with the source now: permissions first, then content.

    Returns:
        whether it was asked for; a connection that is paused or needs attention has to be resumed
        first.
    """
    if source.state != ConnectionState.ACTIVE:
        return False
    with transaction.atomic():
        schedule.request_sweep(source, trigger=SyncRun.Trigger.PERSON, actor_id=actor_id)
        _wake(source)
    return True


def sync_items(documents: Iterable[Document], *, actor_id: int) -> int:
    """Look at single items of the sources again, and return how many; only active ones answer."""
    by_source: dict[int, list[Document]] = {}
    for document in documents:
        if document.connection.state != ConnectionState.ACTIVE:
            continue
        by_source.setdefault(document.connection_id, []).append(document)
    with transaction.atomic():
        for of_source in by_source.values():
            source = of_source[0].connection
            runs.note_changes(source, [document.external_id for document in of_source])
            for document in of_source:
                audit.record(
                    "sync.item_requested",
                    tenant_id=source.tenant_id,
                    actor_id=actor_id,
                    target=document,
                )
            _wake(source)
    return sum(map(len, by_source.values()))


def cancel(run: SyncRun, *, actor_id: int) -> bool:
    """Stop a run that waits or works, and return whether it did; its worker notices at a page."""
    with transaction.atomic():
        unfinished = SyncRun.objects.filter(pk=run.pk, state__in=UNFINISHED)
        is_cancelled = bool(
            unfinished.update(
                state=RunState.CANCELLED,
                finished_at=timezone.now(),
                claim=None,
                error="Cancelled by hand.",
            )
        )
        if is_cancelled:
            audit.record("sync.cancelled", tenant_id=run.tenant_id, actor_id=actor_id, target=run)
            progress_events.tell(run.pk)
    return is_cancelled


def can_resume(run: SyncRun) -> bool:
    """Return whether a comparison that was cancelled, or failed, can go on where it stopped.

    Once a later one has begun there is nothing left for it to do.
    """
    if run.state not in (RunState.CANCELLED, RunState.FAILED) or run.cursor is None:
        return False
    if run.connection.state != ConnectionState.ACTIVE:
        return False
    same = SyncRun.objects.filter(connection=run.connection_id, lane=run.lane, is_sweep=True)
    return run.is_sweep and not same.filter(pk__gt=run.pk).exists()


def resume(run: SyncRun, *, actor_id: int) -> bool:
    """Let a comparison go on after its last page, and return whether it does.

    It stays the same run: what it has seen counts as seen when it looks for what is gone.
    """
    with transaction.atomic():
        current = SyncRun.objects.select_for_update(of=("self",)).select_related("connection")
        found = current.filter(pk=run.pk).first()
        if found is None or not can_resume(found):
            return False
        found.state, found.error, found.attempts = RunState.QUEUED, "", 0
        found.claim = found.not_before = found.finished_at = found.stuck_at = None
        found.progressed_at = timezone.now()
        found.save()
        audit.record("sync.resumed", tenant_id=run.tenant_id, actor_id=actor_id, target=run)
        progress_events.tell(run.pk)
        _wake(run.connection)
    return True


def run_again(run: SyncRun, *, actor_id: int) -> SyncRun:
    """Queue a run like a finished one, and return it."""
    with transaction.atomic():
        again = runs.request(
            run.connection,
            Lane(run.lane),
            trigger=SyncRun.Trigger.PERSON,
            is_sweep=run.is_sweep,
            actor_id=actor_id,
        )
        _wake(run.connection)
    return again


def retry_items(items: Iterable[FailedItem], *, actor_id: int) -> int:
    """Try failed items again now, and return how many."""
    chosen = list(items)
    with transaction.atomic():
        tried = failures.retry_now(chosen, actor_id=actor_id)
        for source in {item.connection_id: item.connection for item in chosen}.values():
            _wake(source)
    return tried


def _wake(source: Connection) -> None:
    queued = SyncRun.objects.filter(connection=source, state=RunState.QUEUED)
    for run_id, lane in queued.order_by("pk").values_list("pk", "lane"):
        tasks.send_run(source.tenant_id, run_id, lane)
