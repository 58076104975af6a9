"""`kill -9` at every checkpoint of every kind of run: afterwards all is as the source has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import pytest

from apps.sync_events.models import UNFINISHED
from tests.connections.conformance.bench import Bench
from tests.connections.conformance.doomed import Doomed, Kenward, doomed
from tests.connections.conformance.source import new_text
from tests.connections.conformance.sources import each
from tests.connections.conformance.stories import mixed, step
from tests.connections.conformance.truth import assert_true

# Only every so many-th moment where there is little time.
_FEW = 13
_MOST = 1_000


@pytest.fixture
def workers(bench: Bench) -> Iterator[Doomed]:
    """Return workers that know the source of the test."""
    source = bench.source
    kenward = Kenward(
        settings={
            name: [str(each) for each in value]
            for name, value in source.environment().items()
            if isinstance(value, list)
        },
        registered=(source.kind, *source.registered) if source.registered else (),
        sizes=source.small_pages,
    )
    with doomed(kenward) as found:
        yield found


def killed_everywhere(
    bench: Bench, workers: Doomed, act: str, prepare: Callable[[int], None], *, every: int
) -> None:
    """Kill a worker at one moment after the other, until one ends before its moment comes."""
    for moment in count(1, every):
        prepare(moment)
        was_killed = workers.works(bench.tenant.pk, act, kill_at=moment)
        if was_killed:
            bench.bury()
            bench.work_off()
        left = [(run.lane, run.error) for run in bench.runs() if run.state in UNFINISHED]
        assert not left, f"left over after a kill at moment {moment}: {left}"
        with step(f"a kill at moment {moment}"):
            assert_true(bench)
        if not was_killed:
            assert moment > 10, "the worker did next to nothing"
            return
        assert moment < _MOST, "the worker never ends"


def sweeps(bench: Bench, workers: Doomed, *, every: int) -> None:
    def prepare(moment: int) -> None:
        bench.reconnect(f"Source at {moment}")
        bench.request_sweep()

    killed_everywhere(bench, workers, "sync", prepare, every=every)


def changes(bench: Bench, workers: Doomed, *, every: int) -> None:
    bench.sync()
    salaries = bench.items["salaries"]
    before = bench.prints()[salaries]

    def prepare(moment: int) -> None:
        mixed(bench)
        bench.tell()

    killed_everywhere(bench, workers, "sync", prepare, every=every)
    assert bench.prints()[salaries] == before, "what had not changed was indexed again"


def indexing(bench: Bench, workers: Doomed, *, every: int) -> None:
    bench.sync()

    def prepare(moment: int) -> None:
        mixed(bench)
        bench.source.edit(bench.items["salaries"], new_text())
        bench.sweep()

    killed_everywhere(bench, workers, "index", prepare, every=every)


@each
def test_at_some_moments_of_hearing_changes(bench: Bench, workers: Doomed) -> None:
    changes(bench, workers, every=_FEW)


@pytest.mark.slow
@each
def test_at_every_moment_of_the_first_comparison(bench: Bench, workers: Doomed) -> None:
    sweeps(bench, workers, every=1)


@pytest.mark.slow
@each
def test_at_every_moment_of_hearing_changes(bench: Bench, workers: Doomed) -> None:
    changes(bench, workers, every=1)


@pytest.mark.slow
@each
def test_at_every_moment_of_indexing(bench: Bench, workers: Doomed) -> None:
    indexing(bench, workers, every=1)
