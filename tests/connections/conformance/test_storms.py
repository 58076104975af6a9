"""Sources that are slow, down, away, or talk nonsense. Nothing of it looks like an empty source."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.utils import timezone

from apps.sync_events.models import UNFINISHED, RunState, SyncRun
from tests.connections.conformance.bench import Bench
from tests.connections.conformance.source import Peer, Verb
from tests.connections.conformance.sources import each, having
from tests.connections.conformance.stories import mixed
from tests.connections.conformance.truth import assert_true, readers

_ROUNDS = 60


def peer(bench: Bench) -> Peer:
    assert bench.source.peer is not None
    return bench.source.peer


def unfinished(bench: Bench) -> list[SyncRun]:
    return [run for run in bench.runs() if run.state in UNFINISHED]


def work_through(bench: Bench) -> int:
    """Work until all runs have ended, letting time pass in between; return how often."""
    for number in range(_ROUNDS):
        if not unfinished(bench):
            return number
        bench.let_time_pass()
        bench.work_off()
    raise AssertionError("the runs never end")


@having(Verb.FAULTS)
def test_a_storm_of_429_is_waited_out(bench: Bench) -> None:
    source = peer(bench)
    source.faults.add("too_many", times=5, path=source.lists, retry_after_s=60)
    run = bench.request_sweep()
    bench.work_off()
    assert bench.again(run).state in UNFINISHED
    for waiting in unfinished(bench):
        assert waiting.not_before is not None and waiting.error
        assert (waiting.not_before - timezone.now()).total_seconds() > 40
    mark = source.journal.mark()
    with bench.bound(), transaction.atomic():  # the runs are due, and the source wants its rest
        SyncRun.objects.filter(state__in=UNFINISHED).update(not_before=None)
    bench.work_off()
    assert not source.asked(mark), "the source was asked although it wanted rest"
    assert work_through(bench) >= 3
    assert bench.again(run).state == RunState.SUCCEEDED
    assert_true(bench)


@pytest.mark.slow
@having(Verb.FAULTS)
def test_a_short_rest_is_slept_through(bench: Bench) -> None:
    source = peer(bench)
    source.faults.add("too_many", path=source.lists, retry_after_s=1)
    run = bench.sweep()
    assert run.state == RunState.SUCCEEDED
    asked = source.asked()
    for number, entry in enumerate(asked[:-1]):
        if entry.fault:
            assert asked[number + 1].at - entry.at >= 0.95, "asked within the rest"
    assert any(entry.fault for entry in asked)
    assert_true(bench)


@having(Verb.FAULTS)
def test_a_storm_of_500_changes_nothing_until_it_is_over(bench: Bench) -> None:
    bench.sync()
    before, read_before = bench.prints(), readers(bench)
    mixed(bench)
    source = peer(bench)
    source.faults.add("server_error", times=None)
    run = bench.request_sweep()
    for _ in range(3):
        bench.let_time_pass()
        bench.work_off()
    assert bench.again(run).state in UNFINISHED
    assert bench.documents().keys() >= before.keys()
    assert readers(bench) == read_before
    source.faults.clear()
    work_through(bench)
    assert bench.again(run).state == RunState.SUCCEEDED
    bench.poll()
    assert_true(bench)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["truncated", "drop", "nonsense", "unavailable"])
@having(Verb.FAULTS)
def test_an_answer_that_breaks_off_is_asked_for_again(bench: Bench, kind: str) -> None:
    source = peer(bench)
    for _ in range(3):
        source.faults.add(kind, path=source.lists)
        mark = source.journal.mark()
        run = bench.sweep()
        assert any(entry.fault == kind for entry in source.journal.since(mark))
        work_through(bench)
        assert bench.again(run).state == RunState.SUCCEEDED
    assert_true(bench)


@having(Verb.FAULTS)
def test_answers_in_another_form_fail_loudly(bench: Bench) -> None:
    bench.sync()
    before, read_before = bench.prints(), readers(bench)
    source = peer(bench)
    source.faults.add("wrong_shape", times=None, path=source.lists)
    run = bench.request_sweep()
    bench.work_off()
    work_through(bench)
    assert bench.again(run).state == RunState.FAILED
    assert bench.again(run).error
    assert bench.prints() == before
    assert readers(bench) == read_before
    source.faults.clear()
    mixed(bench)
    bench.sync()
    assert_true(bench)


@each
def test_a_source_that_is_away_is_no_empty_one(bench: Bench) -> None:
    bench.sync()
    before, read_before = bench.prints(), readers(bench)
    bench.source.vanish()
    run = bench.request_sweep()
    for _ in range(3):
        bench.let_time_pass()
        bench.work_off()
    assert bench.again(run).state in UNFINISHED
    assert bench.prints() == before
    assert readers(bench) == read_before
    bench.source.vanish(is_back=True)
    mixed(bench)
    work_through(bench)
    bench.poll()
    assert bench.again(run).state == RunState.SUCCEEDED
    assert_true(bench)


@pytest.mark.slow
@having(Verb.FAULTS)
def test_texts_that_do_not_come_are_fetched_later(bench: Bench) -> None:
    """The listing succeeds; what is in the documents comes when the source answers again."""
    source = peer(bench)
    run = bench.sweep()
    assert run.state == RunState.SUCCEEDED
    mark = source.journal.mark()
    source.faults.add("too_many", times=None, retry_after_s=60)
    bench.index_with_worker()
    assert all(document.indexed_version == 0 for document in bench.documents().values())
    assert len(source.asked(mark)) <= 4, "the source was asked although it wanted rest"
    source.faults.clear()
    bench.let_time_pass()
    bench.index_with_worker()
    assert_true(bench)
