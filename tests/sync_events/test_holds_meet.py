"""Whatever a source says, what is stored while it is held is never wider than before or after.

An evaluator of its own, which shares no code with the engine, reads random worlds as they were, as
they are told and as they are met: trees, lists, groups, denials, cuts, times, unknown members.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.acls.principals import Name, name_of
from apps.connections.protocol import (
    Mode,
    PrincipalKind,
    RemoteAcl,
    RemoteEntry,
    RemoteGroup,
    RemotePrincipal,
)
from apps.sync_events import holds_meet
from apps.sync_events.holds_meet import Uses

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
PEOPLE = [RemotePrincipal(PrincipalKind.USER, name) for name in ("ada", "bo", "cy")]
GROUPS = [RemotePrincipal(PrincipalKind.GROUP, name) for name in ("g0", "g1", "g2")]
PLACES = ["p0", "p1", "p2", "p3"]
TIMES = st.sampled_from([None, None, NOW - timedelta(hours=1), NOW + timedelta(hours=1)])


@dataclass(frozen=True)
class Source:
    places: Mapping[str, RemoteAcl]
    groups: Mapping[Name, RemoteGroup]


entries = st.builds(
    RemoteEntry,
    principal=st.sampled_from(PEOPLE + GROUPS),
    is_allowed=st.booleans(),
    ord=st.integers(0, 3),
    is_sticky=st.booleans(),
    starts_at=TIMES,
    expires_at=TIMES,
)


def lists(sticky: bool) -> st.SearchStrategy[tuple[RemoteEntry, ...]]:
    own = entries if sticky else entries.map(lambda e: replace(e, is_sticky=False))
    # One entry per principal, as they are stored.
    return st.lists(own, max_size=4, unique_by=lambda e: name_of(e.principal)).map(tuple)


@st.composite
def sources(draw: st.DrawFn, *, sticky: bool) -> Source:
    order = draw(st.permutations(PLACES))
    places = {}
    for number, name in enumerate(order):
        parent = draw(st.sampled_from([None, *order[:number]]))
        mode = draw(st.sampled_from(list(Mode)))
        places[name] = RemoteAcl(name, name, parent, mode, draw(lists(sticky)))
    groups = {}
    for group in GROUPS:
        others = [one for one in PEOPLE + GROUPS if one != group]
        members = tuple(draw(st.lists(st.sampled_from(others), max_size=3, unique=True)))
        ends = tuple((m, end) for m in members if (end := draw(TIMES)) is not None)
        told = RemoteGroup(group, members, is_known=draw(st.booleans()), ends=ends)
        groups[name_of(group)] = told
    return Source(places, groups)


@st.composite
def changes(draw: st.DrawFn) -> tuple[Source, Source]:
    sticky = draw(st.booleans())
    old, new = draw(sources(sticky=sticky)), draw(sources(sticky=sticky))
    # Often the tree stays, and some of the lists.
    keeps = draw(st.sets(st.sampled_from(PLACES)))
    places = {n: old.places[n] if n in keeps else new.places[n] for n in PLACES}
    if draw(st.booleans()):
        places = {n: replace(places[n], parent=old.places[n].parent) for n in PLACES}
    told = Source(places, new.groups)
    return old, told if not _has_circle(told) else Source(new.places, new.groups)


def _has_circle(source: Source) -> bool:
    return any(len(_line(source, name)) > len(PLACES) for name in PLACES)


def _line(source: Source, name: str) -> list[str]:
    line: list[str] = []
    at: str | None = name
    while at is not None and len(line) <= len(PLACES):
        line.append(at)
        at = source.places[at].parent
    return line


def _is_live(start: datetime | None, end: datetime | None) -> bool:
    return (start is None or start <= NOW) and (end is None or end > NOW)


def _groups_above(source: Source, start: set[Name]) -> set[Name]:
    found = set(start)
    while True:
        more = {
            name
            for name, group in source.groups.items()
            for member in group.members
            if name_of(member) in found
            and all(_is_live(None, end) for who, end in group.ends if who == member)
        }
        if more <= found:
            return found
        found |= more


def reads(source: Source, person: RemotePrincipal, place: str) -> bool:
    """Whether a person may read at a place: an evaluator by hand."""
    sure = _groups_above(source, {name_of(person)})
    unsure = _groups_above(source, {n for n, g in source.groups.items() if not g.is_known})
    is_cut = False
    for name in _line(source, place):
        matching = []
        for e in source.places[name].entries:
            who = name_of(e.principal)
            is_named = who in sure or (not e.is_allowed and who in unsure)
            if is_named and _is_live(e.starts_at, e.expires_at) and (e.is_sticky or not is_cut):
                matching.append((e.ord, e.is_allowed))
        if matching:
            return min(matching)[1]
        is_cut = is_cut or source.places[name].mode == Mode.CUT
    return False


def met(old: Source, new: Source) -> Source:
    passes = any(
        e.is_sticky and e.is_allowed
        for source in (old, new)
        for place in source.places.values()
        for e in place.entries
    )
    places = {
        name: holds_meet.places(old.places[name], new.places[name], passes_cuts=passes).place
        for name in PLACES
    }
    uses = {name: _uses(old, new, name) for name in old.groups}
    groups = {
        name: holds_meet.groups(old.groups[name], new.groups[name], uses[name]).group
        for name in old.groups
    }
    return Source(places, groups)


def _uses(old: Source, new: Source, group: Name) -> Uses:
    above, frontier = {group}, [group]
    while frontier:
        at = frontier.pop()
        for source in (old, new):
            for name, told in source.groups.items():
                if at in map(name_of, told.members) and name not in above:
                    above.add(name)
                    frontier.append(name)
    signs = {
        e.is_allowed
        for source in (old, new)
        for place in source.places.values()
        for e in place.entries
        if name_of(e.principal) in above
    }
    return Uses(allow=True in signs, deny=False in signs)


def everything(source: Source) -> set[tuple[str, str]]:
    return {
        (person.external_id, place)
        for person in PEOPLE
        for place in PLACES
        if reads(source, person, place)
    }


@pytest.mark.slow
@given(changes())
@settings(max_examples=100, deadline=None)
def test_what_is_met_is_never_wider_than_either(change: tuple[Source, Source]) -> None:
    old, new = change
    held = met(old, new)
    assert everything(held) <= everything(old)
    assert everything(held) <= everything(new)


@pytest.mark.slow
@given(changes())
@settings(max_examples=30, deadline=None)
def test_what_is_wanted_is_the_same_as_long_as_the_source_says_so(
    change: tuple[Source, Source],
) -> None:
    old, new = change
    held = met(old, new)
    for name in PLACES:
        first = holds_meet.places(old.places[name], new.places[name], passes_cuts=False)
        again = holds_meet.places(first.place, new.places[name], passes_cuts=False)
        assert again.wants == first.wants and again.place == first.place
    for group in old.groups:
        uses = _uses(old, new, group)
        one = holds_meet.groups(old.groups[group], new.groups[group], uses)
        two = holds_meet.groups(one.group, new.groups[group], uses)
        assert two.wants == one.wants
    assert everything(met(held, new)) <= everything(held)


@pytest.mark.slow
@given(changes())
@settings(max_examples=15, deadline=None)
def test_a_source_that_says_the_same_wants_nothing(change: tuple[Source, Source]) -> None:
    old, _ = change
    for name in PLACES:
        assert not holds_meet.places(old.places[name], old.places[name], passes_cuts=True).wants
    for group in old.groups.values():
        for uses in (Uses(), Uses(allow=True), Uses(deny=True), Uses(allow=True, deny=True)):
            assert not holds_meet.groups(group, group, uses).wants
