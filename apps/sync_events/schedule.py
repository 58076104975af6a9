"""Finds the work of a tenant that is due: sweeps, retries and runs."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from apps.acls import freshness
from apps.connections import providers
from apps.connections.models import Connection, ConnectionState
from apps.sync_events import failures, log_positions, runs
from apps.sync_events.models import UNFINISHED, ChangeHint, Lane, RunState, SyncRun

# How long a failed sweep is left alone before the next one.
AFTER_FAILURE = timedelta(minutes=1)


def request_due(source: Connection) -> bool:
    """Queue what a connection's own timetable asks for now: a look at its logs, a comparison.

    Returns:
        whether a comparison was queued.
    """
    with transaction.atomic():
        if source.state != ConnectionState.ACTIVE:
            return False
        if is_poll_due(source):
            runs.request(source, Lane.PERMISSIONS, trigger=SyncRun.Trigger.POLL)
        is_due = not is_quiet(source) and _is_due(
            source, Lane.CONTENT, source.last_swept_at, sweep_period(source)
        )
        if is_due:
            request_sweep(source, trigger=SyncRun.Trigger.SCHEDULE)
    return is_due


def request_due_sweeps() -> int:
    """Queue what is due for every connection of the bound tenant; see `request_due`.

    Returns:
        of how many everything is compared.
    """
    with transaction.atomic():
        return sum(request_due(source) for source in Connection.objects.syncing())


def is_poll_due(source: Connection) -> bool:
    """Return whether the source's logs of changes are to be read again."""
    if not providers.follows_changes(source.kind):
        return False
    poll = timedelta(seconds=source.poll_interval_s)
    is_recent = source.followed_at is not None and timezone.now() - source.followed_at < poll * 0.9
    return not is_recent and log_positions.is_known(source)


def is_quiet(source: Connection, now: datetime | None = None) -> bool:
    """Return whether it is the time of day at which nothing is compared.

    What the source reports, its logs and its permissions are heard all the same: access is taken
    away at night, too.

    Args:
        source: the connection.
        now: aware; the present where it is not given.
    """
    start, end = source.quiet_from, source.quiet_until
    if start is None or end is None or start == end:
        return False
    at = (now or timezone.now()).astimezone(ZoneInfo(source.quiet_zone)).time()
    return start <= at < end if start < end else at >= start or at < end


def request_due_permission_sweeps() -> int:
    """Queue a permissions run where half of the time for which the last one counts is over.

    One that fails is tried again, so that documents stay hidden no longer than their source is
    away.

    Returns:
        how many were queued.
    """
    with transaction.atomic():
        due = [
            source
            for source in Connection.objects.syncing()
            if _is_due(
                source,
                Lane.PERMISSIONS,
                source.permissions_confirmed_at,
                permission_period(source),
            )
        ]
        for source in due:
            request_permissions(source, trigger=SyncRun.Trigger.SCHEDULE)
    return len(due)


def sweep_period(source: Connection) -> timedelta:
    """Return how often everything is compared."""
    return timedelta(seconds=source.sweep_interval_s)


def permission_period(source: Connection) -> timedelta:
    """Return how often permissions are confirmed: twice, at least, within their greatest age."""
    greatest_age = timedelta(seconds=source.permissions_max_age_s)
    return min(greatest_age / 2, sweep_period(source))


def request_permissions(
    source: Connection, *, trigger: SyncRun.Trigger, actor_id: int | None = None
) -> SyncRun:
    """Queue a look at all places, readers and groups, without any content."""
    return runs.request(source, Lane.PERMISSIONS, trigger=trigger, is_sweep=True, actor_id=actor_id)


def resume_after_stop() -> bool:
    """Note that the bound tenant is looked after; after a stop, have permissions confirmed first.

    Returns:
        whether it had been stopped. Then nothing is shown until the runs that this queues are done.
    """
    with transaction.atomic():
        was_stopped = freshness.attend()
        if was_stopped:
            for source in Connection.objects.syncing():
                request_permissions(source, trigger=SyncRun.Trigger.SCHEDULE)
    return was_stopped


def request_sweep(
    source: Connection, *, trigger: SyncRun.Trigger, actor_id: int | None = None
) -> SyncRun:
    """Queue a full comparison: permissions first, then content. Returns the content run."""
    request_permissions(source, trigger=trigger, actor_id=actor_id)
    return runs.request(source, Lane.CONTENT, trigger=trigger, is_sweep=True, actor_id=actor_id)


def retry_due_items() -> int:
    """Queue another try of failed items whose waiting time is over; return how many."""
    with transaction.atomic():
        return sum(failures.retry_due(source) for source in Connection.objects.syncing())


def claimable_runs() -> list[tuple[int, str]]:
    """Return (run id, lane) of the runs that a worker could take now, permissions first."""
    with transaction.atomic():
        found = list(runs.claimable().order_by("pk").values_list("pk", "lane"))
    return sorted(found, key=lambda run: run[1] != Lane.PERMISSIONS)


def request_for_hints() -> int:
    """Queue a run where reported changes are left without one; return how many."""
    with transaction.atomic():
        left = ChangeHint.objects.filter(connection__in=Connection.objects.syncing())
        waiting = set(left.values_list("connection_id", "lane").distinct())
        unfinished = SyncRun.objects.filter(state__in=UNFINISHED)
        waiting -= set(unfinished.values_list("connection_id", "lane"))
        sources = Connection.objects.in_bulk({source_id for source_id, _ in waiting})
        for source_id, lane in waiting:
            runs.request(sources[source_id], Lane(lane), trigger=SyncRun.Trigger.CHANGE)
    return len(waiting)


def _is_due(source: Connection, lane: Lane, last_at: datetime | None, period: timedelta) -> bool:
    is_recent = last_at is not None and timezone.now() - last_at < period
    return not is_recent and not _has_sweep_to_wait_for(source, period, lane)


def _has_sweep_to_wait_for(source: Connection, period: timedelta, lane: Lane) -> bool:
    """Whether a sweep is under way, failed a moment ago, or was cancelled for this period."""
    now = timezone.now()
    return SyncRun.objects.filter(
        Q(state__in=UNFINISHED)
        | Q(state=RunState.FAILED, finished_at__gt=now - min(period, AFTER_FAILURE))
        | Q(state=RunState.CANCELLED, finished_at__gt=now - period),
        connection=source,
        lane=lane,
        is_sweep=True,
    ).exists()
