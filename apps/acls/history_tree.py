"""How places and their entries decided for somebody, from the rows of one moment.

As the definition says: among the entries that match, the nearest place's count, there the least in
order, and a denial wins a tie.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from apps.acls import entries
from apps.acls.history_rows import Row, Rows


@cache
def _allowing() -> int:
    """Return the id once for all: the permission comes with the schema."""
    return entries.permission_ids()[True]


@dataclass(frozen=True, slots=True)
class Standing:
    """Which principals a person was.

    Attributes:
        sure: principal -> the membership that leads there, and how many lead there; an identity
            of the person and a dynamic principal are reached by none.
        unsure: principals that count for denials, since members are unknown, or by `former`.
        claims: the person's live claims by their identities.
        dead: identities of the person that do not count: not active, or gone.
        former: identities that were the person's and are nobody's, with what they lead to.
    """

    sure: Mapping[int, tuple[Row | None, int]]
    unsure: frozenset[int]
    claims: Mapping[int, Row]
    dead: frozenset[int] = frozenset()
    former: frozenset[int] = frozenset()

    def way(self, principal: int) -> tuple[Row, ...]:
        """Return the memberships from an identity of the person up to a principal."""
        way: list[Row] = []
        edge = self.sure[principal][0]
        while edge is not None:
            way.insert(0, edge)
            edge = self.sure[edge.key][0]
        return tuple(way)


@dataclass(frozen=True, slots=True)
class Decision:
    """The entry that decided for one ACL.

    Attributes:
        entry: its state.
        is_allowed: what it said.
        chain: the places from the ACL up to the one that the entry stands on, both included.
        is_by_unknown: a denial of a group of which nobody knows whether the person is in it.
    """

    entry: Row
    is_allowed: bool
    chain: tuple[Row, ...]
    is_by_unknown: bool = False

    @property
    def distance(self) -> int:
        """How many places lie between; 0 on the ACL itself."""
        return len(self.chain) - 1


@dataclass(frozen=True, slots=True)
class Tree:
    """Places with what stands above them, their entries, and the principals these name."""

    rows: Rows
    places: Mapping[int, Row]
    entries: Mapping[int, list[Row]]
    principals: Mapping[int, Row]

    @classmethod
    def of(cls, rows: Rows, acls: Iterable[int] | None) -> Tree:
        """Return the tree above some ACLs, or the whole one."""
        if acls is None:
            places = {row.key: row for row in rows.find("acl")}
            found: dict[int, list[Row]] = defaultdict(list)
            for row in rows.find("entry"):
                found[row.key].append(row)
        else:
            places = rows.places(acls)
            found = rows.entries(places)
        named = {row.other for some in found.values() for row in some}
        return cls(rows, places, found, rows.principals(named))

    def line(self, acl: int) -> list[tuple[Row, bool]]:
        """Return the places from an ACL upwards, each with whether something below it cuts."""
        line: list[tuple[Row, bool]] = []
        place, cut = self.places.get(acl), False
        while place is not None:
            line.append((place, cut))
            cut = cut or place.data["mode"] == "cut"
            place = self.places.get(place.other) if place.other else None
        return line

    def is_stale(self, acl: int) -> bool:
        """Return whether the permissions of the ACL's source were too old."""
        place = self.places.get(acl)
        return place is not None and place.data["realm"] in self.rows.stale()

    def decide(self, acl: int, standing: Standing) -> Decision | None:
        """Return the entry that decided for a person, or None where none matched."""
        chain: list[Row] = []
        for place, cut in self.line(acl):
            chain.append(place)
            found = [
                e for e in self.entries.get(place.key, ()) if self.matches(e, standing, cut=cut)
            ]
            if found:
                entry = min(found, key=self._rank)
                return Decision(
                    entry=entry,
                    is_allowed=self.is_allow(entry),
                    chain=tuple(chain),
                    is_by_unknown=entry.other not in standing.sure,
                )
        return None

    def admits(self, acl: int, standing: Standing) -> bool:
        """Return whether an ACL admitted a person."""
        if self.is_stale(acl):
            return False
        decision = self.decide(acl, standing)
        return decision is not None and decision.is_allowed

    def matches(self, entry: Row, standing: Standing, *, cut: bool) -> bool:
        """Return whether an entry had a say about a person.

        Args:
            entry: of one of the places.
            standing: the person's.
            cut: something below its place cuts off what is not sticky.
        """
        if cut and not entry.data["sticky"]:
            return False
        principal = self.principals.get(entry.other)
        if principal is None or not principal.stands or not entry.lasts(self.rows.moment.at):
            return False
        if entry.other in standing.sure:
            return True
        return not self.is_allow(entry) and entry.other in standing.unsure

    def is_allow(self, entry: Row) -> bool:
        """Return whether an entry allows."""
        return bool(entry.data["permission_id"] == _allowing())

    def _rank(self, entry: Row) -> tuple[int, bool, int]:
        return entry.data["ord"], self.is_allow(entry), entry.other


def is_whole(clauses: Mapping[int, list[Row]]) -> bool:
    """Return whether no clause of a policy is missing; one without an ACL has no row at all."""
    counts = {row.data["clause_count"] for acls in clauses.values() for row in acls}
    return counts == {len(clauses)}
