"""Pages that come twice, begin with items of the page before, or are stored in any order."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from apps.connections.protocol import Page
from apps.documents import recall
from apps.sync_events import pages, runs
from apps.sync_events.models import Lane, RunState, SyncRun
from tests.connections.conformance.bench import Bench
from tests.connections.conformance.source import Verb
from tests.connections.conformance.sources import each, having
from tests.connections.conformance.stories import mixed, narrowing
from tests.connections.conformance.truth import (
    assert_same_readers,
    assert_true,
    readers,
    true_readers,
)
from tests.undone import undone

Told = list[tuple[Lane, Page]]


@having(Verb.REPEAT)
def test_items_that_are_listed_twice_are_there_once(bench: Bench) -> None:
    bench.source.repeat(3)
    assert bench.sync().state == RunState.SUCCEEDED
    assert_true(bench)
    before = bench.prints()
    bench.source.repeat(5)
    assert bench.sync().state == RunState.SUCCEEDED
    assert bench.prints() == before
    mixed(bench)
    bench.source.repeat(5)
    bench.poll()
    assert_true(bench)


def told(bench: Bench) -> Told:
    """Return what both lanes tell of the source as it is."""
    with bench.bound():
        connector = recall.connector_for(bench.connection)
        permissions = [(Lane.PERMISSIONS, page) for page in connector.permissions(None)]
        return permissions + [(Lane.CONTENT, page) for page in connector.sweep(None)]


def store(bench: Bench, steps: Sequence[tuple[Lane, Page]]) -> None:
    """Store pages as two workers do that hold a run of each lane."""
    claimed = {}
    for lane in Lane:
        run = runs.request(bench.connection, lane, trigger=SyncRun.Trigger.SCHEDULE)
        claimed[lane] = run.pk, runs.claim(run.pk)
    for lane, page in steps:
        run_id, token = claimed[lane]
        assert token is not None
        pages.apply(run_id, token, page, moves_cursor=False)
    for run_id, token in claimed.values():
        assert token is not None
        runs.finish(run_id, token, RunState.SUCCEEDED)


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
@each
def test_any_order_ends_at_the_newest_and_is_never_wider(
    bench: Bench, seed: int, request: pytest.FixtureRequest
) -> None:
    if any(name in request.node.name for name in ("drive", "notes")):
        # What moves and who leaves a group are told by two lanes: where both happen before either
        # is read, somebody may read what moved until the other lane's page is stored.
        request.applymarker(pytest.mark.xfail(reason="a move and a leaving are told apart"))
    bench.sync()
    old, read_before = told(bench), true_readers(bench)
    narrowing(bench)
    new, read_after = told(bench), true_readers(bench)
    both = [*old, *new]
    chosen = random.Random(seed)  # noqa: S311  which order, is not to be a secret
    late = [*both, *chosen.choices(both, k=5)]
    chosen.shuffle(late)
    with bench.bound(), undone():
        for number in range(len(late)):
            store(bench, late[number : number + 1])
            for item, who in readers(bench).items():
                allowed = read_before.get(item, set()) | read_after.get(item, set())
                assert who <= allowed, f"{item} is LEAKED to {who - allowed}"
        found = {item: who for item, who in readers(bench).items() if item in read_after}
        assert_same_readers(found, read_after)
        versions = {name: document.source_version for name, document in bench.documents().items()}
        newest = {item.external_id: item.version for _, page in new for item in page.items}
        assert {name: versions[name] for name in newest} == newest
