"""Everything that the algebra can say, at once: no provider is like this, all of them fit in it.

Who may read is answered by plain recursion over what the source itself holds (edges, parents and
entries), as docs/permissions.md defines it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from apps.connections.protocol import (
    Form,
    Mode,
    PrincipalKind,
    RemoteAcl,
    RemoteEntry,
    RemoteGroup,
    RemotePolicy,
    RemotePrincipal,
)
from apps.ops.proof.source import PEOPLE, Asker, Told

_GROUPS = tuple(f"group-{number}" for number in range(1, 6))
_PLACES = tuple(f"place-{number}" for number in range(1, 9))
_DYNAMIC = {
    "members": PrincipalKind.MEMBERS,
    "everyone": PrincipalKind.EVERYONE,
    "link": PrincipalKind.LINK,
}
_NAMES = (*PEOPLE, *_GROUPS, *_DYNAMIC)
_MOST_ITEMS = 8


@dataclass
class _Group:
    members: dict[str, datetime | None] = field(default_factory=dict)
    is_known: bool = True
    is_deleted: bool = False


@dataclass
class _Entry:
    name: str
    allows: bool
    rank: int
    sticky: bool
    starts: datetime | None
    ends: datetime | None

    def is_live(self, now: datetime) -> bool:
        return (self.starts is None or self.starts <= now) and (
            self.ends is None or self.ends > now
        )


@dataclass
class _Place:
    parent: str | None = None
    cuts: bool = False
    entries: dict[str, _Entry] = field(default_factory=dict)


class AlgebraSource:
    """Nested groups with cycles, moves, cuts, denials, times, unknown groups, ANDs of ORs."""

    dialect = "algebra"

    def __init__(self, rng: Random) -> None:
        now = datetime.now().astimezone()
        # Unknown groups, cuts and a tree from the start: by changes alone they would come late.
        self._groups = {name: _Group(is_known=rng.random() < 0.75) for name in _GROUPS}
        self._places = {
            name: _Place(rng.choice([None, *_PLACES[:number]]), cuts=rng.random() < 0.3)
            for number, name in enumerate(_PLACES)
        }
        self._items: dict[str, list[list[str]]] = {}
        self._inactive: set[str] = set()
        self._made = 0
        for _ in range(40):
            self.change(rng, now)
        while len(self._items) < _MOST_ITEMS - 2:
            self._put_item(rng, now)

    def identity(self, person: str) -> str:
        """Return the name itself."""
        return person

    def change(self, rng: Random, now: datetime) -> str:
        """Change something at random."""
        acts = {
            self._change_entry: 8,
            self._drop_entry: 4,
            self._change_member: 5,
            self._know_or_not: 1,
            self._delete_group_or_not: 1,
            self._let_in_or_not: 3,
            self._move: 3,
            self._cut_or_not: 2,
            self._put_item: 3,
            self._remove_item: 1,
        }
        act = rng.choices(list(acts), list(acts.values()))[0]
        return act(rng, now)

    def pass_time(self, by: timedelta) -> None:
        """Move every time."""
        for group in self._groups.values():
            for member, until in group.members.items():
                group.members[member] = until and until - by
        for place in self._places.values():
            for entry in place.entries.values():
                entry.starts = entry.starts and entry.starts - by
                entry.ends = entry.ends and entry.ends - by

    def told(self) -> Told:
        """Return all of it."""
        gone = [name for name in _GROUPS if self._groups[name].is_deleted]
        return Told(
            items={item: self._policy(clauses) for item, clauses in self._items.items()},
            principals=tuple(
                replace(_principal(name), is_active=name not in self._inactive) for name in PEOPLE
            ),
            groups=tuple(self._group(name) for name in _GROUPS if name not in gone),
            deleted_groups=tuple(_principal(name) for name in gone),
            acls=tuple(self._acl(name) for name in _PLACES),
        )

    def may_read(self, item: str, asker: Asker, now: datetime) -> bool:
        """Answer by recursion."""
        clauses = self._items.get(item)
        if clauses is None:
            return False
        own = (
            set(asker.identities) - self._inactive
            | {"everyone"}
            | (set() if asker.is_guest else {"members"})
        )
        sure = {each for name in own for each in self._above(name, now)}
        unsure = {
            each
            for name, group in self._groups.items()
            if not group.is_known and not group.is_deleted
            for each in self._above(name, now)
        }
        unsure |= {
            each for name in asker.former - self._inactive for each in self._above(name, now)
        }
        return all(
            any(self._decides(place, sure, unsure, now) for place in clause) for clause in clauses
        )

    def _above(self, name: str, now: datetime, seen: frozenset[str] = frozenset()) -> set[str]:
        """Return a name and every group that it is in, directly or by groups."""
        found = {name}
        for group_name, group in self._groups.items():
            until = group.members.get(name, now)
            is_in = name in group.members and (until is None or until > now)
            if is_in and not group.is_deleted and group_name not in seen:
                found |= self._above(group_name, now, seen | {name})
        return found

    def _decides(self, place: str, sure: set[str], unsure: set[str], now: datetime) -> bool:
        for entries in self._line(place):
            matching = [
                entry
                for entry in entries
                if entry.is_live(now)
                and (entry.name in sure or (not entry.allows and entry.name in unsure))
            ]
            if matching:
                first = min(entry.rank for entry in matching)
                return all(entry.allows for entry in matching if entry.rank == first)
        return False

    def _line(self, place: str) -> Iterator[list[_Entry]]:
        """Yield the entries that count, place by place, upwards."""
        is_cut = False
        step: str | None = place
        while step is not None:
            here = self._places[step]
            yield [entry for entry in here.entries.values() if entry.sticky or not is_cut]
            is_cut = is_cut or here.cuts
            step = here.parent

    def _change_entry(self, rng: Random, now: datetime) -> str:
        place, name = rng.choice(_PLACES), rng.choice(_NAMES)
        self._places[place].entries[name] = _Entry(
            name,
            allows=rng.random() < 0.7,
            rank=rng.randint(0, 2),
            sticky=rng.random() < 0.4,
            starts=_time(rng, now),
            ends=_time(rng, now),
        )
        return f"entry of {name} on {place}"

    def _drop_entry(self, rng: Random, now: datetime) -> str:
        place = rng.choice(_PLACES)
        entries = self._places[place].entries
        if not entries:
            return "nothing"
        name = rng.choice(sorted(entries))
        del entries[name]
        return f"no entry of {name} on {place}"

    def _change_member(self, rng: Random, now: datetime) -> str:
        name = rng.choice(_GROUPS)
        if self._groups[name].is_deleted:
            return "nothing"
        there = [each for each in _GROUPS if not self._groups[each].is_deleted]
        member = rng.choice([each for each in (*PEOPLE, *there) if each != name])
        members = self._groups[name].members
        if member in members and rng.random() < 0.6:
            del members[member]
            return f"{member} leaves {name}"
        members[member] = _time(rng, now)
        return f"{member} joins {name}"

    def _know_or_not(self, rng: Random, now: datetime) -> str:
        name = rng.choice(_GROUPS)
        self._groups[name].is_known = not self._groups[name].is_known
        return f"members of {name} become {'' if self._groups[name].is_known else 'un'}known"

    def _delete_group_or_not(self, rng: Random, now: datetime) -> str:
        name = rng.choice(_GROUPS)
        group = self._groups[name]
        if not group.is_deleted:
            group.members.clear()
            for other in self._groups.values():
                other.members.pop(name, None)
        group.is_deleted = not group.is_deleted
        return f"{name} is {'deleted' if group.is_deleted else 'back'}"

    def _let_in_or_not(self, rng: Random, now: datetime) -> str:
        name = rng.choice(PEOPLE)
        self._inactive ^= {name}
        return f"{name} is {'shut out' if name in self._inactive else 'let in'}"

    def _move(self, rng: Random, now: datetime) -> str:
        place = rng.choice(_PLACES)
        below = {name for name in _PLACES if place in self._upwards(name)}
        above = [name for name in _PLACES if name not in below]
        self._places[place].parent = rng.choice([*above, None])
        return f"{place} moves to {self._places[place].parent}"

    def _upwards(self, place: str) -> Iterator[str]:
        step: str | None = place
        while step is not None:
            yield step
            step = self._places[step].parent

    def _cut_or_not(self, rng: Random, now: datetime) -> str:
        place = rng.choice(_PLACES)
        self._places[place].cuts = not self._places[place].cuts
        return f"{place} {'cuts' if self._places[place].cuts else 'adds'}"

    def _put_item(self, rng: Random, now: datetime) -> str:
        if len(self._items) < _MOST_ITEMS and rng.random() < 0.7:
            self._made += 1
            item = f"item-{self._made}"
        elif self._items:
            item = rng.choice(sorted(self._items))
        else:
            return "nothing"
        clauses = [
            rng.sample(_PLACES, k=rng.randint(1, 2)) for _ in range(rng.choice([1, 1, 1, 2, 3]))
        ]
        self._items[item] = clauses
        return f"{item} needs {clauses}"

    def _remove_item(self, rng: Random, now: datetime) -> str:
        if not self._items:
            return "nothing"
        item = rng.choice(sorted(self._items))
        del self._items[item]
        return f"{item} is gone"

    def _policy(self, clauses: list[list[str]]) -> RemotePolicy:
        return tuple(tuple(clause) for clause in clauses)

    def _group(self, name: str) -> RemoteGroup:
        group = self._groups[name]
        ends = tuple((_principal(m), end) for m, end in group.members.items() if end is not None)
        return RemoteGroup(
            _principal(name), tuple(map(_principal, group.members)), group.is_known, ends
        )

    def _acl(self, name: str) -> RemoteAcl:
        place = self._places[name]
        return RemoteAcl(
            name,
            name,
            parent=place.parent,
            mode=Mode.CUT if place.cuts else Mode.ADD,
            entries=tuple(
                RemoteEntry(
                    _principal(entry.name),
                    is_allowed=entry.allows,
                    ord=entry.rank,
                    is_sticky=entry.sticky,
                    starts_at=entry.starts,
                    expires_at=entry.ends,
                )
                for entry in place.entries.values()
            ),
            form=Form.PLACE,
        )


def _principal(name: str) -> RemotePrincipal:
    if name in _DYNAMIC:
        return RemotePrincipal(_DYNAMIC[name], name, name)
    kind = PrincipalKind.GROUP if name.startswith("group-") else PrincipalKind.USER
    return RemotePrincipal(kind, name, name)


def _time(rng: Random, now: datetime) -> datetime | None:
    """Return mostly no time, else one that lies clearly before or after now."""
    if rng.random() < 0.75:
        return None
    return now + timedelta(hours=rng.choice([-2, -1, 1, 2]))
