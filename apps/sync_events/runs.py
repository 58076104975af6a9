"""Requests, claims and ends sync runs. The rows are the queue; tasks only wake the work."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from apps import audit
from apps.connections.models import Connection
from apps.errors import KenwardError
from apps.sync_events import progress_events
from apps.sync_events.models import ChangeHint, Lane, RunState, SyncRun

# A run whose worker has been silent for so long may be claimed by another (seconds).
STALE_AFTER_S = 6
HEARTBEAT_S = 2


class ClaimLost(KenwardError):
    """Another worker has taken the run over, or a person cancelled it."""

    code = "claim_lost"


def request(
    source: Connection,
    lane: Lane,
    *,
    trigger: SyncRun.Trigger,
    is_sweep: bool = False,
    actor_id: int | None = None,
) -> SyncRun:
    """Queue a run; one that already waits for the same thing is returned instead.

    Args:
        source: the connection.
        lane: content or permissions.
        trigger: why.
        is_sweep: compare everything, not only what is known to have changed.
        actor_id: the person who asked; recorded in the audit trail.
    """
    with transaction.atomic():
        # Locked: nobody claims it, and finds nothing to do, before the caller has committed.
        run, is_new = SyncRun.objects.select_for_update(of=("self",)).get_or_create(
            tenant_id=source.tenant_id,
            connection=source,
            lane=lane,
            is_sweep=is_sweep,
            state=RunState.QUEUED,
            defaults={"trigger": trigger, "requested_by_id": actor_id},
        )
        if is_new and actor_id is not None:
            audit.record(
                "sync.requested",
                tenant_id=source.tenant_id,
                actor_id=actor_id,
                target=source,
                lane=lane,
                is_sweep=is_sweep,
            )
        if is_new:
            progress_events.tell(run.pk)
    return run


def note_changes(
    source: Connection, external_ids: Sequence[str], *, lane: Lane = Lane.CONTENT
) -> SyncRun:
    """Remember which items a source said have changed, and queue a run that looks at them.

    Args:
        source: the connection.
        external_ids: as its connector's `changes` takes them.
        lane: who looks; what may take access away goes with the permissions.
    """
    with transaction.atomic():
        ChangeHint.objects.bulk_create(
            ChangeHint(tenant_id=source.tenant_id, connection=source, lane=lane, external_id=name)
            for name in dict.fromkeys(external_ids)
        )
        return request(source, lane, trigger=SyncRun.Trigger.CHANGE)


def claimable(now: datetime | None = None) -> QuerySet[SyncRun]:
    """Return runs that a worker may take: waiting, or left behind by a dead worker."""
    now = now or timezone.now()
    silent = Q(heartbeat_at__lt=now - timedelta(seconds=STALE_AFTER_S)) | Q(claim=None)
    waiting = Q(state=RunState.QUEUED) | Q(state=RunState.RUNNING) & silent
    due = Q(not_before=None) | Q(not_before__lte=now)
    # No join: an UPDATE must find every condition on the row itself, or two could claim it at once.
    syncing = Connection.objects.syncing().values("pk")
    return SyncRun.objects.filter(waiting, due, connection_id__in=syncing)


def claim(run_id: int) -> UUID | None:
    """Take a run by a conditional UPDATE.

    Returns:
        the claim's token, or None when somebody else works on it, it is not due, or another run
        of the same connection and lane is under way.
    """
    token = uuid4()
    now = timezone.now()
    try:
        with transaction.atomic():
            taken = (
                claimable(now)
                .filter(pk=run_id)
                .update(
                    state=RunState.RUNNING,
                    claim=token,
                    heartbeat_at=now,
                    not_before=None,
                    started_at=Coalesce("started_at", now),
                )
            )
            progress_events.tell(run_id)
    except IntegrityError:  # one_running_per_lane
        return None
    return token if taken else None


def beat(run_id: int, token: UUID) -> bool:
    """Say that the claim is alive; return whether it still holds."""
    with transaction.atomic():
        held = SyncRun.objects.filter(pk=run_id, claim=token, state=RunState.RUNNING)
        return bool(held.update(heartbeat_at=timezone.now()))


def locked(run_id: int, token: UUID) -> SyncRun:
    """Return the run, locked for the rest of the transaction.

    Raises:
        ClaimLost: the claim does not hold any more; nothing may be written for it.
    """
    run = (
        SyncRun.objects.select_for_update(of=("self",))
        .select_related("connection")
        .filter(pk=run_id, claim=token, state=RunState.RUNNING)
        .first()
    )
    if run is None:
        raise ClaimLost(f"Run {run_id} is not ours any more.")
    return run


def pause(run_id: int, token: UUID, *, not_before: datetime | None = None, error: str = "") -> None:
    """Lay a run down so that any worker may go on with it from its cursor."""
    with transaction.atomic():
        SyncRun.objects.filter(pk=run_id, claim=token).update(
            claim=None,
            not_before=not_before,
            error=error[:1000],
            attempts=F("attempts") + (1 if error else 0),
        )
        if not_before is not None:
            progress_events.tell(run_id)


def finish(run_id: int, token: UUID, state: RunState, *, error: str = "") -> None:
    """End a run that this claim holds."""
    with transaction.atomic():
        SyncRun.objects.filter(pk=run_id, claim=token).update(
            state=state, error=error[:1000], finished_at=timezone.now(), claim=None
        )
        progress_events.tell(run_id)
