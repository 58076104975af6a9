"""Reads a source's own logs of changes: where they were read to, and what if that is lost.

Logs tell of content, readers and deletions alike, without any content. They are read in the lane of
permissions, so that no listing of a million files delays what takes access away.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.connections.errors import CursorExpired
from apps.connections.models import Connection
from apps.connections.protocol import Connector, FollowsChanges, Problem
from apps.sync_events import events, log_positions, pages, runs
from apps.sync_events.models import Lane, SyncRun


def remember(run: SyncRun, token: UUID, connector: Connector) -> None:
    """Note where the logs end, before everything is listed for the first time.

    What changes while the listing goes on is in the logs, then, and nothing is missed.
    """
    if not isinstance(connector, FollowsChanges) or log_positions.is_known(run.connection):
        return
    told = connector.positions()
    with transaction.atomic():
        source = runs.locked(run.pk, token).connection
        log_positions.move(source, told)


def follow(run: SyncRun, token: UUID, connector: Connector, *, ends_at: float) -> bool:
    """Store what the logs tell that this run has not read yet.

    Args:
        run: of the permissions lane.
        token: its claim.
        connector: of any kind; one without logs has nothing to tell.
        ends_at: by the monotonic clock: no further page is asked for after it.

    Returns:
        whether all logs were read to their end.
    """
    if not isinstance(connector, FollowsChanges):
        return True
    since = due_since(run)
    if since is None:
        return True
    asked_at = timezone.now()
    try:
        # What one pass begins (a subtree to be read again), the next one reads to its end.
        while positions := log_positions.unread(run.connection, since):
            if not _read(run, token, connector, positions, ends_at):
                return False
    except CursorExpired as error:
        _start_over(run, token, connector, error)
    with transaction.atomic():
        Connection.objects.filter(pk=run.connection_id).update(followed_at=asked_at)
    return True


def _read(
    run: SyncRun,
    token: UUID,
    connector: FollowsChanges,
    positions: Mapping[str, str],
    ends_at: float,
) -> bool:
    """Store pages; a log counts as read once they have gone on to another, or have ended.

    A worker that dies in the middle of a log leaves it to be read on. One whose time is up stops
    only after it has read a log to its end: else a source that is slow would be asked the same
    again, slice for slice.
    """
    current: set[str] = set()
    has_read = False
    for page in connector.follow(positions):
        pages.apply(run.pk, token, page, moves_cursor=False)
        ended = (current - page.positions.keys()) & positions.keys()
        _mark_read(run, token, ended)
        has_read = has_read or bool(ended)
        current = set(page.positions)
        if has_read and time.monotonic() > ends_at:
            return False
    _mark_read(run, token, positions.keys())
    return True


def _mark_read(run: SyncRun, token: UUID, names: Collection[str]) -> None:
    if not names:
        return
    with transaction.atomic():
        current = runs.locked(run.pk, token)
        log_positions.mark_read(current.connection, names)
        current.attempts, current.error = 0, ""
        current.save(update_fields=["attempts", "error"])


def due_since(run: SyncRun) -> datetime | None:
    """Return from when on logs count as read for a run; None while none is due.

    A run that only follows reads each log once. A long sweep of permissions does so whenever the
    source has sent word, or the time between two polls is over: it holds the lane meanwhile.
    """
    if not run.is_sweep:
        return run.started_at or run.created_at
    source = run.connection
    if source.followed_at is None:
        return run.started_at or run.created_at
    if source.pushed_at is not None and source.pushed_at > source.followed_at:
        return source.pushed_at
    polled = source.followed_at + timedelta(seconds=source.poll_interval_s)
    return polled if polled <= timezone.now() else None


def _start_over(run: SyncRun, token: UUID, connector: FollowsChanges, error: CursorExpired) -> None:
    """Take up the logs where they end now, and have everything compared after that."""
    told = connector.positions()
    problem = Problem(
        "",
        error.code,
        "The source no longer knows where its changes were read to.",
        hint="Everything is compared with it now; what has not changed is not read again.",
        is_error=False,
    )
    with transaction.atomic():
        current = runs.locked(run.pk, token)
        source = current.connection
        log_positions.forget(source)
        log_positions.move(source, told)
        events.record(source, problem, run=current)
        for lane in (Lane.PERMISSIONS, Lane.CONTENT):
            runs.request(source, lane, trigger=SyncRun.Trigger.CHANGE, is_sweep=True)
