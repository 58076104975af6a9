"""Whatever happens, in whatever order: the end is true, and nobody reads too much in between."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Final

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from apps.sync_events.models import UNFINISHED
from tests.connections.conformance.bench import Bench
from tests.connections.conformance.conftest import Opening
from tests.connections.conformance.notes import Notes
from tests.connections.conformance.source import BO, CY, Place, Source, Verb, new_text
from tests.connections.conformance.sources import ALL
from tests.connections.conformance.truth import assert_true, readers, true_readers

_ROUNDS = 30


class Day:
    """One example: a source, its connection, and what could be read since it was last heard.

    Attributes:
        movable: items made by `add` and by the beginning, whatever has become of them.
        allowed: who could read an item at some moment since everything was last heard.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.source = bench.source
        self.movable = list(bench.items.values())
        self.shared: set[tuple[str, str]] = set()
        self.let_in: set[tuple[Place, str]] = set()
        self.team = {BO}
        self.told_late = False
        self.allowed: dict[str, set[str]] = defaultdict(set)
        bench.sync()
        self.heard()

    def heard(self) -> None:
        """Note that Kenward knows everything now."""
        self.allowed.clear()
        self.told_late = False
        self.watch()

    def watch(self) -> None:
        """Note who may read now, and fail if anybody else does."""
        for item, who in true_readers(self.bench).items():
            self.allowed[item] |= who
        for item, who in readers(self.bench).items():
            assert who <= self.allowed[item], f"{item} is LEAKED to {who - self.allowed[item]}"

    def item(self, number: int) -> str | None:
        """Return an item that is there."""
        live = self.source.live()
        there = [item for item in self.movable if item in live]
        return there[number % len(there)] if there else None

    def finish(self) -> None:
        """Work until nothing is left to do."""
        for _ in range(_ROUNDS):
            self.bench.work_off()
            if not [run for run in self.bench.runs() if run.state in UNFINISHED]:
                return
            self.bench.let_time_pass()
        raise AssertionError("the runs never end")


def add(day: Day, number: int) -> None:
    place = list(Place)[number % 2]
    day.movable.append(day.source.add(place, f"added{number}-{len(day.movable)}", new_text()))


def edit(day: Day, number: int) -> None:
    if item := day.item(number):
        day.source.edit(item, new_text())


def rename(day: Day, number: int) -> None:
    if (item := day.item(number)) and day.source.live()[item].name:
        day.movable[day.movable.index(item)] = day.source.rename(item, f"named{number}")


def move(day: Day, number: int) -> None:
    if (item := day.item(number)) and day.source.live()[item].name:
        to = day.source.move(item, list(Place)[number % 2])
        day.movable[day.movable.index(item)] = to


def delete(day: Day, number: int) -> None:
    if item := day.item(number):
        day.source.delete(item)


def share(day: Day, number: int) -> None:
    who = (BO, CY)[number % 2]
    if (item := day.item(number)) is None:
        return
    if (item, who) in day.shared:
        day.shared.discard((item, who))
        day.source.unshare(item, who)
    elif who not in day.source.readers(item):
        day.shared.add((item, who))
        day.source.share(item, who)


def let_in(day: Day, number: int) -> None:
    pair = Place.CLOSED, BO
    is_in = pair in day.let_in
    (day.source.keep_out if is_in else day.source.let_in)(*pair)
    (day.let_in.discard if is_in else day.let_in.add)(pair)


def group(day: Day, number: int) -> None:
    who = BO
    is_in = who in day.team
    (day.source.leave if is_in else day.source.join)(who)
    (day.team.discard if is_in else day.team.add)(who)


def poll(day: Day, number: int) -> None:
    day.bench.tell()
    day.finish()
    if not day.told_late:
        day.heard()


def sweep(day: Day, number: int) -> None:
    day.bench.request_sweep()
    day.finish()
    day.heard()


def index(day: Day, number: int) -> None:
    day.bench.index()


def fail(day: Day, number: int) -> None:
    assert day.source.peer is not None
    kinds = ("too_many", "server_error", "truncated", "drop", "unavailable")
    faults = day.source.peer.faults
    faults.clear()
    faults.add(kinds[number % len(kinds)], path=day.source.peer.lists, times=1 + number % 6)


Act = Callable[[Day, int], None]
ACTS: Final[Mapping[Act, Verb | None]] = {
    add: None,
    edit: None,
    delete: None,
    poll: None,
    sweep: None,
    index: None,
    rename: Verb.RENAME,
    move: Verb.MOVE,
    share: Verb.SHARE,
    let_in: Verb.LET_IN,
    group: Verb.GROUP,
    fail: Verb.FAULTS,
    lambda day, number: day.source.repeat(number % 3): Verb.REPEAT,
    lambda day, number: day.source.expire_cursors(): Verb.EXPIRE_CURSORS,
    lambda day, number: day.source.expire_tokens(): Verb.EXPIRE_TOKENS,
    lambda day, number: day.source.expire_logs(): Verb.LOGS,
}


def live_through(opening: Opening, kind: type[Source], examples: int) -> None:
    """Let random days pass with a kind of source."""
    possible = [act for act, verb in ACTS.items() if verb is None or kind.has(verb)]
    verbs = {act: verb for act, verb in ACTS.items() if verb in kind.untold}

    @given(st.lists(st.tuples(st.sampled_from(possible), st.integers(0, 99)), max_size=14))
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    def one(steps: list[tuple[Act, int]]) -> None:
        with opening(kind) as bench:
            day = Day(bench)
            for act, number in steps:
                note(f"{act.__name__} {number}")
                day.told_late |= act in verbs
                act(day, number)
                day.watch()
            poll(day, 0)
            sweep(day, 0)
            assert_true(bench)

    one()


def test_a_few_days(opening: Opening) -> None:
    live_through(opening, Notes, 3)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ALL, ids=[kind.name for kind in ALL])
def test_many_days(opening: Opening, kind: type[Source]) -> None:
    live_through(opening, kind, 25)
