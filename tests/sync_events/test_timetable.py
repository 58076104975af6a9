"""Beat's rows, one for each connection, and what a look finds due."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from django_celery_beat.models import PeriodicTask
from hypothesis import given
from hypothesis import strategies as st

from apps.connections import change
from apps.connections.models import Connection, ConnectionState
from apps.sync_events import schedule, tasks, timetable
from apps.sync_events.models import RunState, SyncRun
from apps.tenants.context import tenant_context
from tests.sync_events.folder import Folder
from tests.world import World


def rows(folder: Folder) -> list[PeriodicTask]:
    found = PeriodicTask.objects.select_related("interval")
    return list(found.filter(name__contains=str(folder.connection.uuid)))


def queued(folder: Folder) -> int:
    with tenant_context(folder.tenant), transaction.atomic():
        return SyncRun.objects.filter(state=RunState.QUEUED, is_sweep=True).count()


def test_a_new_connection_gets_a_row_and_is_looked_at_now(folder: Folder) -> None:
    with tenant_context(folder.tenant):
        assert timetable.keep() == 1
        assert timetable.keep() == 0, "nothing differs any more"
    (row,) = rows(folder)
    assert row.interval is not None
    assert (row.task, row.queue, row.enabled) == (timetable.TASK, "permissions", True)
    assert json.loads(row.args) == [folder.tenant.pk, folder.connection.pk]
    assert row.interval.every == timetable.AT_LEAST_EVERY_S
    assert queued(folder) == 2, "both lanes"


def test_the_row_follows_the_connections_interval_and_state(
    folder: Folder, committed_world: World
) -> None:
    with tenant_context(folder.tenant):
        timetable.keep()
        with transaction.atomic():
            Connection.objects.update(sweep_interval_s=60)
        assert timetable.keep() == 1
        (row,) = rows(folder)
        assert row.interval is not None
        assert row.interval.every == 60
        change.pause(connection=folder.connection, actor=committed_world.ida)
        timetable.keep()
        assert [row.enabled for row in rows(folder)] == [False]
        change.resume(connection=folder.connection, actor=committed_world.ida)
        timetable.keep()
        assert [row.enabled for row in rows(folder)] == [True]


def test_a_row_that_was_lost_is_made_again_and_one_too_many_is_removed(folder: Folder) -> None:
    with tenant_context(folder.tenant):
        timetable.keep()
        (row,) = rows(folder)
        PeriodicTask.objects.filter(pk=row.pk).update(name=f"connection {folder.tenant.pk} of-old")
        timetable.keep()
        names = set(PeriodicTask.objects.values_list("name", flat=True))
    assert names == {f"connection {folder.tenant.pk} {folder.connection.uuid}"}


def test_a_tenant_touches_no_rows_of_another(folder: Folder, committed_world: World) -> None:
    with tenant_context(folder.tenant):
        timetable.keep()
    with tenant_context(committed_world.umbra):
        assert timetable.keep() == 0
    assert len(rows(folder)) == 1


def test_a_look_queues_what_is_due_and_knows_paused_connections(folder: Folder) -> None:
    folder.sweep()
    name = folder.connection.pk
    tasks.look(folder.tenant.pk, name)
    assert queued(folder) == 0, "compared a moment ago"
    with tenant_context(folder.tenant), transaction.atomic():
        Connection.objects.update(last_swept_at=timezone.now() - timedelta(hours=1))
    tasks.look(folder.tenant.pk, name)
    assert queued(folder) == 2
    with tenant_context(folder.tenant), transaction.atomic():
        SyncRun.objects.all().delete()
        Connection.objects.update(state=ConnectionState.PAUSED)
    tasks.look(folder.tenant.pk, name)
    assert queued(folder) == 0


def test_nothing_is_compared_in_quiet_hours_and_permissions_are(folder: Folder) -> None:
    now = timezone.now()
    with tenant_context(folder.tenant):
        with transaction.atomic():
            Connection.objects.update(
                quiet_from=(now - timedelta(hours=1)).time(),
                quiet_until=(now + timedelta(hours=1)).time(),
            )
        assert schedule.request_due_sweeps() == 0
        assert schedule.request_due_permission_sweeps() == 1


@pytest.mark.parametrize(
    ("at", "is_quiet"),
    [("21:59", False), ("22:00", True), ("23:30", True), ("05:59", True), ("06:00", False)],
)
def test_quiet_hours_reach_over_midnight_by_their_own_zone(at: str, is_quiet: bool) -> None:
    source = Connection(quiet_from=time(22), quiet_until=time(6), quiet_zone="Asia/Tokyo")
    local = datetime.fromisoformat(f"2026-03-03T{at}:00+09:00")
    assert schedule.is_quiet(source, local.astimezone(UTC)) is is_quiet


@given(st.times(), st.times(), st.datetimes(timezones=st.just(UTC)))
def test_each_moment_is_quiet_in_one_of_two_complementary_spans(
    start: time, end: time, at: datetime
) -> None:
    first = schedule.is_quiet(Connection(quiet_from=start, quiet_until=end), at)
    second = schedule.is_quiet(Connection(quiet_from=end, quiet_until=start), at)
    assert (first, second) == (False, False) if start == end else first != second
