"""How fast a run goes and how long it still takes, and what is said where nobody can know."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from apps.connections.models import Connection, ConnectionState
from apps.sync_events import pace
from apps.sync_events.admin import pace_words, progress
from apps.sync_events.models import Lane, RunState, SyncEvent, SyncRun
from apps.tenants.context import tenant_context
from tests.acls.small_worlds import source
from tests.world import World

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def running(connection: Connection, **fields: object) -> SyncRun:
    return SyncRun.objects.create(
        **{
            "tenant": connection.tenant,
            "connection": connection,
            "lane": Lane.CONTENT,
            "trigger": "schedule",
            "is_sweep": True,
            "state": RunState.RUNNING,
            "started_at": timezone.now(),
            **fields,
        }
    )


def loaded(run: SyncRun) -> SyncRun:
    return progress.shown(SyncRun.objects.filter(pk=run.pk)).get()


def stored(run: SyncRun, *pages: tuple[int, int]) -> None:
    """Count pages: (seconds before noon, documents seen by then)."""
    for seconds_before, seen in pages:
        run.seen = seen
        pace.note(run, NOON - timedelta(seconds=seconds_before))
    run.save()


def test_the_rate_is_that_of_the_last_minute_and_fades_when_nothing_comes() -> None:
    run = SyncRun(lane=Lane.CONTENT, state=RunState.RUNNING, is_sweep=True, total=10_000)
    for second in range(0, 121, 10):
        # Ten a second in the first minute, a hundred in the second.
        run.seen = 10 * second if second <= 60 else 600 + 100 * (second - 60)
        pace.note(run, NOON + timedelta(seconds=second))
    found = pace.of(run, NOON + timedelta(seconds=120))
    assert found.per_second == pytest.approx(100)
    assert found.remaining_s == pytest.approx((10_000 - 6_600) / 100)
    later = pace.of(run, NOON + timedelta(seconds=150))
    assert later.per_second is not None
    assert later.per_second == pytest.approx(50)
    assert pace.of(run, NOON + timedelta(seconds=200)).per_second is None


def test_many_small_pages_keep_few_moments() -> None:
    run = SyncRun(lane=Lane.CONTENT, state=RunState.RUNNING, total=5_000)
    for tenth in range(1_200):
        run.seen = tenth
        pace.note(run, NOON + timedelta(seconds=tenth / 10))
    assert len(run.lately) < 25
    assert pace.of(run, NOON + timedelta(seconds=120)).per_second == pytest.approx(10, rel=0.1)


def test_the_source_s_own_total_makes_the_estimate(world: World) -> None:
    with tenant_context(world.acme):
        run = running(source(world.acme, "drive"), total=1_000)
        stored(run, (40, 0), (20, 200), (0, 400))
        said = pace_words.line(loaded(run), NOON)
        shown = progress.parts(loaded(run))["progress"]
    assert said == "10 documents/s\N{NO-BREAK SPACE}· about 1 min left"
    assert "400 of 1,000" in str(shown)


def test_without_a_total_the_last_finished_sweep_stands_in_for_it(world: World) -> None:
    with tenant_context(world.acme):
        drive, wiki = source(world.acme, "drive"), source(world.acme, "wiki")
        running(drive, state=RunState.SUCCEEDED, seen=900)
        running(drive, state=RunState.SUCCEEDED, seen=1_000)
        running(drive, state=RunState.FAILED, seen=7)
        running(drive, state=RunState.SUCCEEDED, seen=50_000, is_sweep=False)
        running(wiki, state=RunState.SUCCEEDED, seen=90_000)
        run = running(drive)
        stored(run, (40, 0), (0, 400))
        found = pace.of(loaded(run), NOON)
        assert (found.expected, found.is_told) == (1_000, False)
        assert "400 of about 1,000" in str(progress.parts(loaded(run))["progress"])
        stored(run, (0, 1_200))
        beyond = loaded(run)
        assert pace.of(beyond, NOON).remaining_s is None
        assert "no estimate yet" in pace_words.line(beyond, NOON)
        assert "1,200 seen" in str(progress.parts(beyond)["progress"])


def test_a_first_sweep_has_no_estimate(world: World) -> None:
    with tenant_context(world.acme):
        run = running(source(world.acme, "drive"))
        assert pace_words.line(loaded(run)) == "no estimate yet"
        assert "<progress" in str(progress.parts(loaded(run))["progress"])


def test_permissions_are_measured_in_pages(world: World) -> None:
    with tenant_context(world.acme):
        drive = source(world.acme, "drive")
        running(drive, lane=Lane.PERMISSIONS, state=RunState.SUCCEEDED, pages=100)
        run = running(drive, lane=Lane.PERMISSIONS)
        for seconds_before, pages in ((20, 0), (0, 10)):
            run.pages = pages
            pace.note(run, NOON - timedelta(seconds=seconds_before))
        run.save()
        assert pace_words.line(loaded(run), NOON) == "0.5 pages/s\xa0· about 3 min left"
        assert "10 of about 100 pages" in str(progress.parts(loaded(run))["progress"])


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "no estimate yet"),
        (20, "less than a minute left"),
        (170, "about 3 min left"),
        (4_000, "about 67 min left"),
        (9_000, "about 2 h left"),
    ],
)
def test_what_remains_is_said_roughly(seconds: float | None, said: str) -> None:
    assert pace_words.remaining(seconds) == said


def test_a_run_that_waits_says_until_when_and_why(world: World) -> None:
    later = timezone.now() + timedelta(minutes=3)
    with tenant_context(world.acme):
        drive = source(world.acme, "drive")
        run = running(drive, not_before=later)
        told = {"tenant": world.acme, "run": run, "connection": drive, "level": "error"}
        SyncEvent.objects.create(**told, code="rate_limited", message="Slower.")
        said = pace_words.line(loaded(run))
        assert f">{timezone.localtime(later):%H:%M}</time>" in said
        assert said.endswith("because the source asked for it")
        SyncEvent.objects.create(**told, code="source_unavailable", message="Away.")
        assert pace_words.line(loaded(run)).startswith("tries again at")


def test_stuck_paused_and_waiting_runs_give_no_rate(world: World) -> None:
    with tenant_context(world.acme):
        drive = source(world.acme, "drive")
        run = running(drive, stuck_at=timezone.now(), progressed_at=NOON)
        assert pace_words.line(loaded(run)).startswith("nothing stored since <time")
        assert "Stuck: running" in str(progress.parts(loaded(run))["state"])
        waiting = running(drive, state=RunState.QUEUED, lane=Lane.PERMISSIONS)
        assert pace_words.line(loaded(waiting)) == "waits for a worker"
        Connection.objects.filter(pk=drive.pk).update(state=ConnectionState.PAUSED)
        assert pace_words.line(loaded(run)) == "waits until the connection is resumed"
        run.state = RunState.SUCCEEDED
        run.save()
        assert pace_words.line(loaded(run)) == ""


def test_all_parts_of_many_runs_take_one_statement(
    world: World, django_assert_num_queries: object
) -> None:
    with tenant_context(world.acme):
        for number in range(5):
            running(source(world.acme, f"drive-{number}"))
        with django_assert_num_queries(1):  # type: ignore[operator]  # pytest-django's own type
            for run in progress.shown(SyncRun.objects.all()):
                assert progress.parts(run)["unfinished"] is True
