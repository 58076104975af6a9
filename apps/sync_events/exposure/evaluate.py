"""Who would read which policies: the algebra of docs/permissions.md for many people at once.

Pure. People are bits of integers: each step of the algebra is one operation for a whole block of
people. Places that decide alike are one shape, so that the cost follows what differs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from apps.acls.models import NESTING_KINDS
from apps.acls.principals import Name
from apps.connections.errors import ContractBroken
from apps.sync_events.exposure.observed import Clauses, Entry, Observed, Place
from apps.sync_events.exposure.people import Subject

# People who are decided about together; bounds the memory.
BLOCK = 1024
# Rows of policies that are unpacked together.
_ROWS = 1024
_NO_SHAPE = -1

# (allows, is sticky, whom), in the order in which they are tried.
_Line = tuple[bool, bool, Name]


@dataclass(frozen=True, slots=True)
class Shape:
    """What decides at a place: its own live entries, and the shape above."""

    parent: int
    cuts: bool
    lines: tuple[_Line, ...]


@dataclass(slots=True)
class World:
    """One state of a realm, ready to be asked.

    Attributes:
        shapes: each behind the one above it.
        policies: clauses as shapes; the first policy admits nobody.
        groups_of: direct, live memberships: member -> groups.
        unknown: groups whose members are unknown, and those they are in.
    """

    shapes: list[Shape] = field(default_factory=list)
    policies: list[frozenset[frozenset[int]]] = field(default_factory=list)
    groups_of: dict[Name, list[Name]] = field(default_factory=dict)
    unknown: set[Name] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Flow:
    """How many documents go from which policy to which; 0 is the one that admits nobody.

    All arrays have shape (n,).
    """

    before: NDArray[np.int64]
    after: NDArray[np.int64]
    documents: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What everybody would read, gain and lose, in the order of the subjects.

    Attributes:
        documents: shape (people,), like `gained` and `lost`.
        readers: after-policies, how many of the counted subjects read each; shape (policies,).
        admitting: for each tracked subject the after-policies that admit it.
    """

    documents: NDArray[np.int64]
    gained: NDArray[np.int64]
    lost: NDArray[np.int64]
    readers: NDArray[np.int64]
    admitting: dict[int, frozenset[int]]


def world_of(
    observed: Observed, policies: Iterable[Clauses], now: datetime
) -> tuple[World, dict[Clauses, int]]:
    """Return a state ready to be asked, and the number of each policy in it.

    Policies that rest on places of the same shapes have the same number.

    Raises:
        ContractBroken: a place lies below itself.
    """
    groups_of, unknown = _memberships(observed, now)
    world = World(groups_of=groups_of, unknown=unknown)
    shapes = _Shapes(observed, now, world.shapes)
    numbers: dict[frozenset[frozenset[int]], int] = {frozenset(): 0}
    found: dict[Clauses, int] = {}
    for clauses in policies:
        shaped = frozenset(frozenset(map(shapes.of, clause)) for clause in clauses)
        found[clauses] = numbers.setdefault(shaped, len(numbers))
    world.policies = list(numbers)
    return world, found


def verdicts(
    before: World,
    after: World,
    subjects: Sequence[tuple[Subject, Subject]],
    flow: Flow,
    *,
    counted: int,
    tracked: Collection[int] = (),
) -> Verdicts:
    """Return what subjects read in the one state and in the other.

    Args:
        before: the state now.
        after: the state that a sync would bring.
        subjects: what each is in the one and in the other.
        flow: which documents there are.
        counted: how many subjects, from the first, count as readers of a policy.
        tracked: subjects of which the policies themselves are wanted.
    """
    parts: list[tuple[NDArray[np.int64], ...]] = []
    readers = np.zeros(len(after.policies), np.int64)
    admitting: dict[int, frozenset[int]] = {}
    for start in range(0, len(subjects), BLOCK):
        block = subjects[start : start + BLOCK]
        was = _packed(before, [one for one, _ in block])
        now = _packed(after, [one for _, one in block])
        parts.append(_counted(was, now, flow, len(block)))
        readers += _readers(now, min(max(counted - start, 0), len(block)))
        for number in tracked:
            if start <= number < start + len(block):
                admitting[number] = _admitting(now, number - start)
    empty = (np.zeros(0, np.int64),) * 3
    documents, gained, lost = (np.concatenate(c) for c in zip(empty, *parts, strict=True))
    return Verdicts(documents, gained, lost, readers, admitting)


class _Shapes:
    """Gives each place its shape."""

    def __init__(self, observed: Observed, now: datetime, shapes: list[Shape]) -> None:
        self._observed = observed
        self._now = now
        self._shapes = shapes
        self._numbers: dict[Shape, int] = {}
        self._of: dict[str, int] = {}

    def of(self, name: str) -> int:
        way: list[str] = []
        seen: set[str] = set()
        place: str | None = name
        while place is not None and place not in self._of:
            if place in seen:
                raise ContractBroken("The source names a place that lies below itself.")
            seen.add(place)
            way.append(place)
            place = self._observed.places[place].parent
        for one in reversed(way):
            self._of[one] = self._shape(self._observed.places[one])
        return self._of[name]

    def _shape(self, place: Place) -> int:
        parent = _NO_SHAPE if place.parent is None else self._of[place.parent]
        lines = self._lines(place.entries)
        if not lines and not place.cuts and parent != _NO_SHAPE:
            return parent
        shape = Shape(parent, place.cuts, lines)
        if shape not in self._numbers:
            self._numbers[shape] = len(self._shapes)
            self._shapes.append(shape)
        return self._numbers[shape]

    def _lines(self, entries: Iterable[Entry]) -> tuple[_Line, ...]:
        live = [e for e in entries if self._is_live(e) and self._matches(e.name)]
        ordered = sorted(live, key=lambda e: (e.ord, e.is_allowed, e.is_sticky, e.name))
        return tuple((e.is_allowed, e.is_sticky, e.name) for e in ordered)

    def _is_live(self, entry: Entry) -> bool:
        has_begun = entry.starts_at is None or entry.starts_at <= self._now
        return has_begun and (entry.expires_at is None or entry.expires_at > self._now)

    def _matches(self, name: Name) -> bool:
        known = self._observed.principals.get(name)
        return known is not None and known.is_alive


def _memberships(observed: Observed, now: datetime) -> tuple[dict[Name, list[Name]], set[Name]]:
    groups_of: dict[Name, list[Name]] = {}
    unknown: list[Name] = []
    for group, known in observed.principals.items():
        if group[0] in NESTING_KINDS and not known.is_known and not known.is_deleted:
            unknown.append(group)
        for member, ends in known.members.items():
            if ends is None or ends > now:
                groups_of.setdefault(member, []).append(group)
    return groups_of, set(_spread(dict.fromkeys(unknown, 1), groups_of))


def _spread(start: Mapping[Name, int], groups_of: Mapping[Name, list[Name]]) -> dict[Name, int]:
    """Return who is what, through groups within groups, circles included."""
    bits = dict(start)
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        mine = bits[name]
        for group in groups_of.get(name, ()):
            had = bits.get(group, 0)
            if mine & ~had:
                bits[group] = had | mine
                waiting.append(group)
    return bits


def _bits(many: Sequence[tuple[Name, ...]]) -> dict[Name, int]:
    found: dict[Name, int] = {}
    for number, names in enumerate(many):
        for name in names:
            found[name] = found.get(name, 0) | 1 << number
    return found


@dataclass(frozen=True, slots=True)
class _Block:
    """A block of people in one state."""

    sure: dict[Name, int]
    denied: dict[Name, int]
    unknown: set[Name]
    everybody: int

    def matching(self, line: _Line) -> int:
        allows, _, name = line
        sure = self.sure.get(name, 0)
        if allows:
            return sure
        return self.everybody if name in self.unknown else sure | self.denied.get(name, 0)


def _packed(world: World, subjects: Sequence[Subject]) -> NDArray[np.uint8]:
    """Return which policies admit whom, as bits; shape (policies, BLOCK / 8)."""
    block = _Block(
        sure=_spread(_bits([one.sure for one in subjects]), world.groups_of),
        denied=_spread(_bits([one.denied for one in subjects]), world.groups_of),
        unknown=world.unknown,
        everybody=(1 << len(subjects)) - 1,
    )
    admitted = _admitted(world.shapes, block)
    rows = bytearray()
    for clauses in world.policies:
        readers = block.everybody if clauses else 0
        for clause in clauses:
            some = 0
            for shape in clause:
                some |= admitted[shape]
            readers &= some
        rows += readers.to_bytes(BLOCK // 8, "little")
    return np.frombuffer(bytes(rows), np.uint8).reshape(len(world.policies), BLOCK // 8)


def _admitted(shapes: Sequence[Shape], block: _Block) -> list[int]:
    """Return whom each shape admits: the nearest, then first line that matches decides."""
    nobody = (0, 0)
    through: list[tuple[int, int]] = []  # (allowed, decided) by all lines from here up
    past_cuts: list[tuple[int, int]] = []  # the same by sticky lines alone
    for shape in shapes:
        has_parent = shape.parent != _NO_SHAPE
        above_all = through[shape.parent] if has_parent else nobody
        above_sticky = past_cuts[shape.parent] if has_parent else nobody
        above = above_sticky if shape.cuts else above_all
        through.append(_decided(shape.lines, block, above))
        sticky = tuple(line for line in shape.lines if line[1])
        past_cuts.append(_decided(sticky, block, above_sticky))
    return [allowed for allowed, _ in through]


def _decided(lines: Iterable[_Line], block: _Block, above: tuple[int, int]) -> tuple[int, int]:
    allowed = decided = 0
    for line in lines:
        new = block.matching(line) & ~decided
        decided |= new
        if line[0]:
            allowed |= new
    return allowed | above[0] & ~decided, decided | above[1]


def _counted(
    was: NDArray[np.uint8], now: NDArray[np.uint8], flow: Flow, people: int
) -> tuple[NDArray[np.int64], ...]:
    sums = np.zeros((3, people))
    for start in range(0, len(flow.documents), _ROWS):
        some = slice(start, start + _ROWS)
        old, new = was[flow.before[some]], now[flow.after[some]]
        weight = flow.documents[some].astype(np.float64)  # exact up to 2**53
        for row, bits in enumerate((new, new & ~old, old & ~new)):
            sums[row] += weight @ _unpacked(bits, people)
    return tuple(sums.astype(np.int64))


def _readers(now: NDArray[np.uint8], people: int) -> NDArray[np.int64]:
    found = np.zeros(len(now), np.int64)
    if not people:
        return found
    for start in range(0, len(now), _ROWS):
        some = slice(start, start + _ROWS)
        found[some] = _unpacked(now[some], people).sum(axis=1)
    return found


def _admitting(now: NDArray[np.uint8], person: int) -> frozenset[int]:
    bits = now[:, person // 8] >> (person % 8) & 1
    return frozenset(np.flatnonzero(bits).tolist())


def _unpacked(bits: NDArray[np.uint8], people: int) -> NDArray[np.uint8]:
    return np.unpackbits(bits, axis=1, count=people, bitorder="little")
