"""The rows that say how far a connection's logs of changes are read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from apps.connections.models import Connection
from apps.sync_events.models import LogPosition


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


def mark_read(source: Connection, names: Collection[str]) -> None:
    """Note that logs were read to their end just now."""
    if names:
        read = LogPosition.objects.filter(connection=source, name__in=names)
        read.update(read_at=timezone.now())


def forget(source: Connection) -> None:
    """Drop all positions of a connection."""
    LogPosition.objects.filter(connection=source).delete()


def is_known(source: Connection) -> bool:
    """Return whether any log of a connection is followed."""
    with transaction.atomic():
        return LogPosition.objects.filter(connection=source).exists()


def unread(source: Connection, since: datetime) -> dict[str, str]:
    """Return the positions of the logs not read since a moment, the longest unread one first."""
    unread = Q(read_at=None) | Q(read_at__lt=since)
    with transaction.atomic():
        found = LogPosition.objects.filter(unread, connection=source)
        ordered = found.order_by(F("read_at").asc(nulls_first=True), "pk")
        return dict(ordered.values_list("name", "position"))
