"""Keeps a row of beat's timetable for each connection, and takes up those that are new.

The rows belong to django-celery-beat and know ids alone. They are kept equal to the connections
here, rather than written wherever a connection changes: one that was lost is made again in seconds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from django.db import transaction
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from apps.connections import providers
from apps.connections.models import Connection, ConnectionState
from apps.sync_events import schedule
from apps.tenants.context import required_tenant_id

TASK = "apps.sync_events.tasks.look"
# A look finds what is due by then, so that what failed or fell into quiet hours waits for no weekly
# period (seconds).
AT_LEAST_EVERY_S = 300
# A look that no worker took before the next one is due is not needed any more (share of a period).
_EXPIRES = 0.9


@dataclass(frozen=True, slots=True)
class _Row:
    """What beat's row of a connection is to say."""

    every_s: int
    enabled: bool
    connection_id: int


def keep() -> int:
    """Make beat's rows of the bound tenant what its connections say; return how many differed.

    A connection that is new or runs again is looked at now, not after its first period.
    """
    with transaction.atomic():
        sources = {_name(source): source for source in Connection.objects.all()}
        wanted = {name: _row(source) for name, source in sources.items()}
        stored = {
            task.name: task
            for task in PeriodicTask.objects.select_related("interval").filter(
                name__startswith=_prefix()
            )
        }
        changed = [
            name
            for name, row in wanted.items()
            if name not in stored or not _says(stored[name], row)
        ]
        for name in changed:
            _write(name, wanted[name])
            schedule.request_due(sources[name])
        for name in stored.keys() - wanted.keys():
            stored[name].delete()
    return len(changed)


def _row(source: Connection) -> _Row:
    every_s = min(source.sweep_interval_s, AT_LEAST_EVERY_S)
    if providers.follows_changes(source.kind):
        every_s = min(every_s, source.poll_interval_s)
    return _Row(every_s, source.state == ConnectionState.ACTIVE, source.pk)


def _says(task: PeriodicTask, row: _Row) -> bool:
    every_s = task.interval.every if task.interval else None
    return task.enabled == row.enabled and every_s == row.every_s


def _write(name: str, row: _Row) -> None:
    interval, _ = IntervalSchedule.objects.get_or_create(
        every=row.every_s, period=IntervalSchedule.SECONDS
    )
    PeriodicTask.objects.update_or_create(
        name=name,
        defaults={
            "task": TASK,
            "interval": interval,
            "enabled": row.enabled,
            "args": json.dumps([required_tenant_id(), row.connection_id]),
            "queue": "permissions",
            "expire_seconds": max(2, int(row.every_s * _EXPIRES)),
        },
    )


def _prefix() -> str:
    return f"connection {required_tenant_id()} "


def _name(source: Connection) -> str:
    return f"{_prefix()}{source.uuid}"
