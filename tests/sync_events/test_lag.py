"""How far behind a source we are, judged by the connection's own periods."""

from __future__ import annotations

import math
from datetime import UTC, datetime, time, timedelta

import pytest
from django.utils import timezone

from apps.connections.models import Connection, ConnectionState
from apps.documents.models import Document
from apps.ops import metrics_collector
from apps.sync_events import lag
from apps.sync_events.admin import lag_words
from apps.sync_events.lag import Level
from apps.sync_events.models import ChangeHint, Lane, RunState, SyncRun
from apps.tenants.context import tenant_context
from tests.acls.small_worlds import source
from tests.admin.conftest import Stock, acme
from tests.world import World

__all__ = ["acme"]  # the fixture


def ago(**length: float) -> datetime:
    return timezone.now() - timedelta(**length)


def fresh(world: World, **fields: object) -> Connection:
    """Return a connection that is as it should be: a sweep each quarter, a look each minute."""
    now = timezone.now()
    given = {
        "kind": "google_drive",
        "permissions_confirmed_at": now,
        "last_swept_at": now,
        "followed_at": now,
    }
    return Connection.objects.create(
        tenant=world.acme, name="Drive", realm="drive", **{**given, **fields}
    )


def test_a_source_that_is_as_it_should_be_is_up_to_date(world: World) -> None:
    with tenant_context(world.acme):
        found = lag.of(fresh(world))
    assert set(found.points) == {"confirmed", "compared", "asked", "reported", "indexed"}
    assert (found.level, found.late, lag_words.reason(found)) == (Level.FINE, [], "")
    assert "Up to date" in lag_words.badge(found)


@pytest.mark.parametrize(
    ("field", "age", "level", "said"),
    [
        (
            "followed_at",
            timedelta(minutes=4),
            Level.LATE,
            "is not followed as often as it should:",
        ),
        (
            "followed_at",
            timedelta(minutes=14),
            Level.BAD,
            "asked 14 minutes ago, not every",
        ),
        ("followed_at", None, Level.LATE, "never been asked for its changes"),
        (
            "last_swept_at",
            timedelta(minutes=40),
            Level.LATE,
            "was compared 40 minutes ago; it",
        ),
        ("last_swept_at", timedelta(hours=3), Level.BAD, "it should be every 15 minutes."),
        ("last_swept_at", None, Level.LATE, "never been compared in full"),
        (
            "permissions_confirmed_at",
            timedelta(minutes=30),
            Level.LATE,
            "permissions were",
        ),
        ("permissions_confirmed_at", timedelta(hours=2), Level.BAD, "confirmed 2 hours ago"),
        ("permissions_confirmed_at", None, Level.LATE, "so its documents are hidden"),
    ],
)
def test_what_is_late_is_said(
    world: World, field: str, age: timedelta | None, level: Level, said: str
) -> None:
    with tenant_context(world.acme):
        found = lag.of(fresh(world, **{field: age and timezone.now() - age}))
    assert found.level == level
    assert said in lag_words.reason(found)


def test_the_connection_s_own_periods_decide(world: World) -> None:
    weekly = {"sweep_interval_s": 7 * 86_400, "last_swept_at": ago(days=8), "poll_interval_s": 3600}
    with tenant_context(world.acme):
        found = lag.of(fresh(world, **weekly, followed_at=ago(minutes=50)))
    assert found.level == Level.FINE


def test_a_source_without_logs_is_not_asked_for_changes(world: World) -> None:
    with tenant_context(world.acme):
        found = lag.of(fresh(world, kind="file_share", followed_at=None))
    assert "asked" not in found.points
    assert found.level == Level.FINE


def test_what_is_not_synced_is_not_late_but_says_so(world: World) -> None:
    with tenant_context(world.acme):
        paused = fresh(world, state=ConnectionState.PAUSED, last_swept_at=ago(days=9))
        found = lag.of(paused)
    assert found.late == [] and found.next_sweep_at is None
    assert lag_words.reason(found) == "Paused: nothing new arrives until it is resumed."
    assert "Not kept up to date" in lag_words.badge(found)


def test_the_oldest_reported_change_that_is_not_stored_is_the_lag(world: World) -> None:
    with tenant_context(world.acme):
        drive = fresh(world)
        for minutes in (2, 9):
            hint = ChangeHint.objects.create(
                tenant=world.acme, connection=drive, lane=Lane.CONTENT, external_id=f"{minutes}"
            )
            ChangeHint.objects.filter(pk=hint.pk).update(noted_at=ago(minutes=minutes))
        found = lag.of(drive)
        assert found.level == Level.BAD
        said = lag_words.reason(found)
        assert said == "A change that the source reported 9 minutes ago is not stored yet."
        assert lag_words.summary(found)["behind"] == "9 minutes"
        ((line,),) = [[row for row in lag_words.rows(found) if row.lateness]]
        assert (line.lateness, line.promise) == (
            "much too late",
            "none should wait longer than 1 minute",
        )


def test_the_oldest_document_that_waits_for_its_index_is_the_lag(acme: Stock) -> None:
    now = timezone.now()
    Connection.objects.filter(pk=acme.source.pk).update(last_swept_at=now)
    Document.objects.filter(pk=acme.document.pk).update(
        indexed_version=0, indexed_at=None, created_at=ago(minutes=25), last_synced_at=now
    )
    acme.source.refresh_from_db()
    found = lag.of(acme.source)
    assert found.points["indexed"].level == Level.LATE
    assert lag_words.reason(found) == "A document has been waiting for the index for 25 minutes."
    Document.objects.filter(pk=acme.document.pk).update(failure="no_text")
    assert lag.of(acme.source).points["indexed"].at is None, "it waits for nothing"


def test_quiet_hours_make_nothing_late(world: World) -> None:
    night = {"quiet_from": time(20), "quiet_until": time(6), "last_swept_at": None}
    evening = datetime(2026, 3, 4, 19, 50, tzinfo=UTC)
    with tenant_context(world.acme):
        drive = fresh(world, **night)
        drive.last_swept_at = drive.permissions_confirmed_at = drive.followed_at = evening
        for hour, minute, level in ((3, 0, 0), (5, 59, 0), (6, 10, 0), (9, 0, 2)):
            now = datetime(2026, 3, 5, hour, minute, tzinfo=UTC)
            (found,) = lag.of_all([drive], now)
            assert found.points["compared"].level == level, now


def test_many_sources_take_two_statements(world: World, django_assert_num_queries: object) -> None:
    with tenant_context(world.acme):
        sources = [source(world.acme, f"drive-{number}") for number in range(6)]
        with django_assert_num_queries(2):  # type: ignore[operator]  # pytest-django's own type
            assert len(lag.of_all(sources)) == 6


def test_metrics_tell_ages_lag_and_stuck_runs_of_every_tenant(world: World) -> None:
    with tenant_context(world.acme):
        drive = fresh(world, followed_at=ago(seconds=30), last_swept_at=None)
        hint = ChangeHint.objects.create(
            tenant=world.acme, connection=drive, lane=Lane.CONTENT, external_id="x"
        )
        ChangeHint.objects.filter(pk=hint.pk).update(noted_at=ago(minutes=2))
        SyncRun.objects.create(
            tenant=world.acme,
            connection=drive,
            lane=Lane.CONTENT,
            trigger="schedule",
            state=RunState.RUNNING,
            stuck_at=timezone.now(),
        )
    with tenant_context(world.umbra):
        wiki = source(world.umbra, "wiki")
    found = {
        (sample.name, sample.labels["connection"], *list(sample.labels.values())[2:]): sample.value
        for family in metrics_collector.syncing()
        for sample in family.samples
    }
    ours, theirs = str(drive.uuid), str(wiki.uuid)
    assert math.isinf(found["kenward_sync_compared_age_seconds", ours])
    assert 30 <= found["kenward_sync_asked_age_seconds", ours] < 60
    assert ("kenward_sync_told_age_seconds", ours) not in found
    assert 120 <= found["kenward_sync_lag_seconds", ours, "store"] < 180
    assert found["kenward_sync_lag_seconds", ours, "index"] == 0
    assert found["kenward_sync_runs", ours, "stuck"] == 1
    assert found["kenward_sync_runs", theirs, "stuck"] == 0
