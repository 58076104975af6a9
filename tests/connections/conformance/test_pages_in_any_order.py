"""Pages that come twice, begin with items of the page before, or are stored in any order."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import pytest

from apps.connections.protocol import Page
from apps.documents import recall
from apps.sync_events import pages, runs
from apps.sync_events.models import Lane, RunState, SyncRun
from tests.connections.conformance.bench import Bench
from tests.connections.conformance.source import Verb
from tests.connections.conformance.sources import each, having
from tests.connections.conformance.stories import mixed, moving, narrowing
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
def test_any_order_ends_at_the_newest_and_is_never_wider(bench: Bench, seed: int) -> None:
    """No state in between lets anybody read what no state of the source did.

    What moves is told by one lane, and who leaves a group by the other. So the source is asked in
    between: who leaves after a move may be a reader of what was moved until that is read, as in the
    source itself. The other way round the lanes may show a state that the source skipped, and the
    member counts where a member counts until the list without them is read (docs/permissions.md).
    """
    bench.sync()
    both, ever_read = told(bench), Counter[tuple[str, str]]()
    note(ever_read, bench)
    for change in (moving, narrowing):
        if change is narrowing or bench.source.has(Verb.MOVE):
            change(bench)
            new = told(bench)
            both += new
            note(ever_read, bench)
    read_after = true_readers(bench)
    chosen = random.Random(seed)  # noqa: S311  which order, is not to be a secret
    late = [*both, *chosen.choices(both, k=5)]
    chosen.shuffle(late)
    with bench.bound(), undone():
        for number in range(len(late)):
            store(bench, late[number : number + 1])
            for item, who in readers(bench).items():
                leaked = {each for each in who if not ever_read[item, each]}
                assert not leaked, f"{item} is LEAKED to {leaked}"
        found = {item: who for item, who in readers(bench).items() if item in read_after}
        assert_same_readers(found, read_after)
        versions = {name: document.source_version for name, document in bench.documents().items()}
        newest = {item.external_id: item.version for _, page in new for item in page.items}
        assert {name: versions[name] for name in newest} == newest


def note(ever_read: Counter[tuple[str, str]], bench: Bench) -> None:
    """Add who reads which item in the source now."""
    ever_read.update((item, who) for item, them in true_readers(bench).items() for who in them)
