"""Reads a source's own logs of changes: where they were read to, and what if that is lost.

Logs tell of content, readers and deletions alike, without any content. They are read in the lane of
permissions, so that no listing of a million files delays what takes access away.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.connections.errors import ConnectorError, CursorExpired
from apps.connections.models import Connection
from apps.connections.protocol import Connector, FollowsChanges, Page, Problem
from apps.sync_events import events, log_positions, pages, runs
from apps.sync_events.log_positions import Unread
from apps.sync_events.models import Lane, SyncRun

# How often the reading of many logs looks up for word of one (seconds).
_LOOKS_EVERY_S = 1.0


def remember(run: SyncRun, token: UUID, connector: Connector) -> None:
    """Note where the logs end, before everything is listed for the first time.

    What changes while the listing goes on is in the logs, then, and nothing is missed.
    """
    if not isinstance(connector, FollowsChanges) or log_positions.is_known(run.connection):
        return
    told = connector.positions()
    with transaction.atomic():
        source = runs.locked(run.pk, token).connection
        log_positions.begin(source, told)


def follow(run: SyncRun, token: UUID, connector: Connector, *, ends_at: float) -> bool:
    """Store what the logs tell: those of which the source sent word, or all where that is due.

    Args:
        run: of the permissions lane.
        token: its claim.
        connector: of any kind; one without logs has nothing to tell.
        ends_at: by the monotonic clock: no further page is asked for after it.

    Returns:
        whether these logs were read to their end.
    """
    if not isinstance(connector, FollowsChanges):
        return True
    since = due_since(run)
    asked_at = timezone.now()
    try:
        if not _follow(run, token, connector, since=since, ends_at=ends_at):
            return False
    except CursorExpired as error:
        _start_over(run, token, connector, error)
    if since is not None:
        run.connection.followed_at = asked_at
        with transaction.atomic():
            Connection.objects.filter(pk=run.connection_id).update(followed_at=asked_at)
    return True


def _follow(
    run: SyncRun,
    token: UUID,
    connector: FollowsChanges,
    *,
    since: datetime | None,
    ends_at: float,
) -> bool:
    """Read what is unread, and then what that has begun; return whether it was read to the end."""
    unread = log_positions.unread(run.connection, since=since)
    while unread is not None:
        ended = _read(_Pass(run, token, unread), connector, ends_at)
        if ended is _Ended.TIME_UP:
            return False
        if ended is _Ended.NEWS:
            # The database's clock may be behind ours: what this pass has read is not read again.
            since = min(since, unread.asked_at) if since is not None else None
            unread = log_positions.unread(run.connection, since=since)
        else:
            unread = log_positions.begun(run.connection)
    return True


class _Ended(Enum):
    """Why the reading of some logs has ended."""

    READ = auto()
    NEWS = auto()
    TIME_UP = auto()


@dataclass(slots=True)
class _Pass:
    """One reading of some logs. What most of them say, nothing, is stored for many at once."""

    run: SyncRun
    token: UUID
    unread: Unread
    _quiet: dict[str, str | None] = field(default_factory=dict)
    _ended: set[str] = field(default_factory=set)

    def store(self, page: Page) -> None:
        if page.tells_nothing:
            self._quiet |= page.positions
            return
        self.flush()
        pages.apply(self.run.pk, self.token, page, moves_cursor=False)

    def end(self, names: Collection[str]) -> None:
        self._ended.update(names)

    def has_news(self) -> bool:
        return log_positions.has_news(self.run.connection, since=self.unread.asked_at)

    def flush(self) -> None:
        if not self._quiet and not self._ended:
            return
        with transaction.atomic():
            current = runs.locked(self.run.pk, self.token)
            log_positions.move(current.connection, self._quiet)
            asked_at = self.unread.asked_at
            log_positions.mark_read(current.connection, self._ended, asked_at=asked_at)
            current.progressed_at = timezone.now()
            if self._ended and not current.is_sweep:  # a sweep's tries end with its own pages
                current.attempts, current.error = 0, ""
            current.save(update_fields=["progressed_at", "attempts", "error"])
        self._quiet, self._ended = {}, set()


def _read(reading: _Pass, connector: FollowsChanges, ends_at: float) -> _Ended:
    """Store pages; a log counts as read once they have gone on to another, or have ended.

    A worker that dies in the middle of a log leaves it to be read on. One whose time is up stops
    only after it has read a log to its end: else a source that is slow would be asked the same
    again, slice for slice. Word of a log does not wait until thousands of others are read.
    """
    positions = reading.unread.positions
    current: set[str] = set()
    has_read = False
    look_at = time.monotonic() + _LOOKS_EVERY_S
    try:
        for page in connector.follow(positions):
            ended = (current - page.positions.keys()) & positions.keys()
            reading.end(ended)
            reading.store(page)
            has_read = has_read or bool(ended)
            current = set(page.positions)
            if has_read and time.monotonic() > ends_at:
                reading.flush()
                return _Ended.TIME_UP
            if ended and time.monotonic() > look_at:
                look_at = time.monotonic() + _LOOKS_EVERY_S
                if reading.has_news():
                    reading.flush()
                    return _Ended.NEWS
    except ConnectorError:
        reading.flush()
        raise
    reading.end(positions.keys())
    reading.flush()
    return _Ended.READ


def due_since(run: SyncRun) -> datetime | None:
    """Return since when all logs have to have been read for a run; None while that is not due.

    A run that polls reads each log once. Any other one, a long sweep of permissions too, does so
    when the time between two polls is over: it holds the lane meanwhile.
    """
    source = run.connection
    polls = run.trigger == SyncRun.Trigger.POLL and not run.is_sweep
    if polls or source.followed_at is None:
        return run.started_at or run.created_at
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
        log_positions.begin(source, told)
        events.record(source, problem, run=current)
        for lane in (Lane.PERMISSIONS, Lane.CONTENT):
            runs.request(source, lane, trigger=SyncRun.Trigger.CHANGE, is_sweep=True)
