"""The rows that say how far a connection's logs of changes are read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Case, F, Q, When
from django.db.models.functions import Now

from apps.connections.models import Connection
from apps.sync_events.models import LogPosition

_HAS_NEWS = Q(told_at__gt=F("read_at"))


def begin(source: Connection, told: Mapping[str, str]) -> None:
    """Note where logs end now: nothing in them is unread.

    Args:
        source: whose logs.
        told: positions by the logs' names.
    """
    move(source, told)
    LogPosition.objects.filter(connection=source, name__in=told).update(read_at=Now())


def move(source: Connection, told: Mapping[str, str | None]) -> None:
    """Store how far logs are read, in the transaction of what they told.

    Args:
        source: whose logs.
        told: positions by the logs' names; None: the log is read no more.
    """
    if not told:
        return
    ended = [name for name, position in told.items() if position is None]
    LogPosition.objects.filter(connection=source, name__in=ended).delete()
    LogPosition.objects.bulk_create(
        [
            LogPosition(tenant_id=source.tenant_id, connection=source, name=name, position=position)
            for name, position in told.items()
            if position is not None
        ],
        update_conflicts=True,
        unique_fields=["tenant", "connection", "name"],
        update_fields=["position"],
    )


def tell(source: Connection, name: str) -> None:
    """Note that a log has something new; where there is none of the name, that any of them may."""
    logs = LogPosition.objects.filter(connection=source)
    if not logs.filter(name=name).update(told_at=Now()):
        logs.update(told_at=Now())


def mark_read(source: Connection, names: Collection[str], *, asked_at: datetime) -> None:
    """Note that logs were read to their end.

    Args:
        source: whose logs.
        names: of the logs.
        asked_at: what was told until then was read (see `unread`).
    """
    LogPosition.objects.filter(connection=source, name__in=names).update(read_at=asked_at)


def forget(source: Connection) -> None:
    """Drop all positions of a connection."""
    LogPosition.objects.filter(connection=source).delete()


def is_known(source: Connection) -> bool:
    """Return whether any log of a connection is followed."""
    with transaction.atomic():
        return LogPosition.objects.filter(connection=source).exists()


@dataclass(frozen=True, slots=True)
class Unread:
    """Logs to be read.

    Attributes:
        positions: by the logs' names, in the order in which they are to be read.
        asked_at: by the clock of the database, before any of them is read.
    """

    positions: Mapping[str, str]
    asked_at: datetime


def unread(source: Connection, *, since: datetime | None) -> Unread | None:
    """Return the logs that have something new, then those never read to their end; None for none.

    Args:
        source: whose logs.
        since: also those that were not read since then, the longest unread one first.
    """
    wanted = _HAS_NEWS | Q(read_at=None)
    if since is not None:
        wanted |= Q(read_at__lt=since)
    return _unread(source, wanted)


def begun(source: Connection) -> Unread | None:
    """Return the logs that were never read to their end; None where there is none."""
    return _unread(source, Q(read_at=None))


def has_news(source: Connection, *, since: datetime) -> bool:
    """Return whether the source has sent word of a log since a moment by the database's clock."""
    with transaction.atomic():
        return LogPosition.objects.filter(connection=source, told_at__gt=since).exists()


def _unread(source: Connection, wanted: Q) -> Unread | None:
    has_news = Case(When(_HAS_NEWS, then=0), default=1)
    with transaction.atomic():
        found = LogPosition.objects.filter(wanted, connection=source)
        ordered = found.order_by(has_news, F("read_at").asc(nulls_first=True), "pk")
        rows = list(ordered.values_list("name", "position", Now()))
    return Unread({name: told for name, told, _ in rows}, rows[0][2]) if rows else None
