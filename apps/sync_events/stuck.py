"""Finds runs that get nowhere, and says so where admins look."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from apps import audit
from apps.connections.models import Connection
from apps.connections.protocol import Problem
from apps.sync_events import events, progress_events
from apps.sync_events.models import RunState, SyncRun

# A run that is being worked on, or could be, and has stored nothing for so long.
AFTER = timedelta(minutes=10)


def tell() -> int:
    """Mark the runs of the bound tenant that are newly stuck, with an event each; return how many.

    A run that waits because its source asked for it is not stuck; one that no worker takes is.
    """
    now = timezone.now()
    with transaction.atomic():
        found = list(_stuck(now - AFTER).select_for_update(of=("self",), skip_locked=True))
        for run in found:
            run.stuck_at = now
            run.save(update_fields=["stuck_at"])
            events.record(run.connection, problem(run), run=run)
            progress_events.tell(run.pk)
            audit.record(
                "sync.stuck",
                tenant_id=run.tenant_id,
                target=run,
                connection=str(run.connection.uuid),
                state=run.state,
            )
    return len(found)


def _stuck(before: datetime) -> QuerySet[SyncRun]:
    quiet = SyncRun.objects.alias(
        since=Coalesce("progressed_at", "started_at", "created_at")
    ).filter(since__lt=before, stuck_at=None)
    waits = Q(not_before__gt=before)
    unfinished = Q(state=RunState.RUNNING) | Q(state=RunState.QUEUED)
    syncing = Connection.objects.syncing().values("pk")
    return quiet.filter(unfinished, connection_id__in=syncing).exclude(waits)


def problem(run: SyncRun) -> Problem:
    """Return what is wrong with a stuck run, and what an admin can do about it."""
    if run.state == RunState.QUEUED:
        return Problem(
            "",
            "stuck",
            "No worker has begun with this sync for ten minutes.",
            hint="Look whether the workers run, and whether another run of this lane is under way.",
        )
    return Problem(
        "",
        "stuck",
        "This sync has stored nothing for ten minutes.",
        hint="It goes on by itself if it can. Cancel it, and then let it go on where it stopped,"
        " or run it again.",
    )
