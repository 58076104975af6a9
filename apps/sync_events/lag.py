"""How far Kenward is behind a source, and whether that is as the connection's own periods promise.

Lag is the age of the oldest thing that is known to have changed and has not arrived: a change that
the source reported and that is not stored, or a document that is stored and not in the index.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import IntEnum
from zoneinfo import ZoneInfo

from django.db.models import Case, F, Min, When
from django.utils import timezone

from apps.connections import providers
from apps.connections.models import Connection, ConnectionState
from apps.documents.models import Document
from apps.documents.states import STATES
from apps.sync_events import schedule
from apps.sync_events.models import ChangeHint

# Later than twice its period is late, than so many times is bad.
_LATE_AFTER, _BAD_AFTER = 2, 6
# What a worker needs to begin, however short the period is.
_SLACK = timedelta(seconds=20)


class Level(IntEnum):
    """How bad it is."""

    FINE = 0
    LATE = 1
    BAD = 2


@dataclass(frozen=True, slots=True)
class Point:
    """One moment that says how far behind we are.

    Attributes:
        name: `confirmed`, `compared`, `asked`, `told`, `reported` or `indexed`.
        at: when it last happened or, of what waits, since when; None: never, or nothing waits.
        every: how often it is to happen, or how long it may wait; None: nobody has promised.
        level: how bad that is.
    """

    name: str
    at: datetime | None
    every: timedelta | None
    level: Level


@dataclass(frozen=True, slots=True)
class Lag:
    """How far behind one source we are.

    Attributes:
        connection: which.
        points: in the order in which a page shows them; all but `told` are always there.
        next_sweep_at: when everything is compared again; None while it is not synced.
    """

    connection: Connection
    points: Mapping[str, Point]
    next_sweep_at: datetime | None

    @property
    def is_synced(self) -> bool:
        """Whether it is kept up to date at all."""
        return self.connection.state == ConnectionState.ACTIVE

    @property
    def level(self) -> Level:
        """The worst of the points; nothing is promised of a source that is not synced."""
        return max(point.level for point in self.points.values())

    @property
    def late(self) -> list[Point]:
        """What is late, the worst first."""
        found = [point for point in self.points.values() if point.level]
        return sorted(found, key=lambda point: -point.level)


def of_all(sources: Iterable[Connection], now: datetime | None = None) -> list[Lag]:
    """Return how far behind these sources of the bound tenant we are, in two statements.

    Args:
        sources: any number.
        now: aware; the present where it is not given.
    """
    chosen = list(sources)
    reported = _oldest_reported(chosen)
    waiting = _oldest_waiting(chosen)
    now = now or timezone.now()
    return [_of(one, reported.get(one.pk), waiting.get(one.pk), now) for one in chosen]


def of(source: Connection) -> Lag:
    """Return how far behind a source of the bound tenant we are."""
    return of_all([source])[0]


def _oldest_reported(sources: list[Connection]) -> dict[int, datetime]:
    found = ChangeHint.objects.filter(connection__in=sources).values("connection_id")
    return dict(found.annotate(since=Min("noted_at")).values_list("connection_id", "since"))


def _oldest_waiting(sources: list[Connection]) -> dict[int, datetime]:
    # Of a document that was in the index before, no more is known than when it was last seen.
    since = Case(When(indexed_at=None, then=F("created_at")), default=F("last_synced_at"))
    waiting = Document.objects.filter(STATES["waiting"], connection__in=sources)
    found = waiting.values("connection_id").annotate(since=Min(since))
    return dict(found.values_list("connection_id", "since"))


def _of(
    source: Connection, reported: datetime | None, waiting: datetime | None, now: datetime
) -> Lag:
    is_active = source.state == ConnectionState.ACTIVE
    sweep = schedule.sweep_period(source)
    poll = timedelta(seconds=source.poll_interval_s)
    points = [
        _confirmed(source, now),
        _regular("compared", source.last_swept_at, sweep, _awake(source, now)),
    ]
    if providers.follows_changes(source.kind):
        points.append(_regular("asked", source.followed_at, poll, now))
    if source.pushed_at is not None:
        points.append(Point("told", source.pushed_at, None, Level.FINE))
    points.append(_waits("reported", reported, poll, now))
    points.append(_waits("indexed", waiting, sweep, now))
    if not is_active:
        points = [Point(one.name, one.at, one.every, Level.FINE) for one in points]
    due = source.last_swept_at + sweep if source.last_swept_at else now
    return Lag(source, {one.name: one for one in points}, due if is_active else None)


def _confirmed(source: Connection, now: datetime) -> Point:
    at, every = source.permissions_confirmed_at, schedule.permission_period(source)
    if at is None:
        return Point("confirmed", None, every, Level.LATE)
    if now - at > timedelta(seconds=source.permissions_max_age_s):
        return Point("confirmed", at, every, Level.BAD)
    is_late = now - at > every * 1.5 + _SLACK
    return Point("confirmed", at, every, Level.LATE if is_late else Level.FINE)


def _regular(name: str, at: datetime | None, every: timedelta, now: datetime) -> Point:
    """Judge what is to happen in every period; `now` may stand still while it need not."""
    if at is None:
        return Point(name, None, every, Level.LATE)
    return Point(name, at, every, _judged(now - at, every))


def _waits(name: str, since: datetime | None, every: timedelta, now: datetime) -> Point:
    return Point(name, since, every, _judged(now - since, every / 2) if since else Level.FINE)


def _judged(age: timedelta, every: timedelta) -> Level:
    if age > every * _BAD_AFTER + _SLACK:
        return Level.BAD
    return Level.LATE if age > every * _LATE_AFTER + _SLACK else Level.FINE


def _awake(source: Connection, now: datetime) -> datetime:
    """Return the present less the quiet hours of the last day: then nothing is to be compared."""
    start, end = source.quiet_from, source.quiet_until
    if start is None or end is None or start == end:
        return now
    if schedule.is_quiet(source, now):
        return now - _since_clock(source, start, now)
    slept = timedelta(seconds=(_seconds(end) - _seconds(start)) % 86_400)
    is_fresh_awake = _since_clock(source, end, now) < schedule.sweep_period(source) * _LATE_AFTER
    return now - slept if is_fresh_awake else now


def _since_clock(source: Connection, clock: time, now: datetime) -> timedelta:
    """Return how long ago it was last so late, by the clock of the connection's zone."""
    at = now.astimezone(ZoneInfo(source.quiet_zone)).time()
    return timedelta(seconds=(_seconds(at) - _seconds(clock)) % 86_400)


def _seconds(clock: time) -> int:
    return clock.hour * 3600 + clock.minute * 60 + clock.second
