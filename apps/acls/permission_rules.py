"""The rules of a policy, whole and in the order in which they are tried: what a list cannot say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from apps.acls.history_rows import Row
from apps.acls.history_tree import Tree
from apps.acls.permission_levels import Clauses
from apps.connections.protocol import Level

# Entries of all lists together. Rules are told whole or not at all: without one denial they would
# say more than is true.
AT_MOST: Final = 1_000


@dataclass(frozen=True, slots=True)
class RuleEntry:
    """One line: it lets in or keeps out whoever is the principal.

    Attributes:
        distance: places between the ACL itself, 0, and the one where the entry stands.
        order: within that place; the least counts, and there a denial.
    """

    principal_id: int
    is_allowed: bool
    distance: int
    order: int
    level: Level
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class RuleList:
    """One ACL with what it inherits, the first matching entry of which decides.

    Attributes:
        is_stale: its source's permissions are too old; it lets nobody in.
    """

    acl_id: int
    is_stale: bool
    entries: tuple[RuleEntry, ...]


# Each condition has to be met, by one of its lists.
Rules = tuple[tuple[RuleList, ...], ...]


def rules_of(tree: Tree, clauses: Clauses) -> Rules | None:
    """Return what a policy asks for at this moment, or None where that is more than `AT_MOST`.

    Args:
        tree: of all ACLs that the conditions name.
        clauses: of one whole policy.
    """
    rules = tuple(
        tuple(
            RuleList(row.other, tree.is_stale(row.other), _entries(tree, row.other))
            for row in sorted(clauses[number], key=lambda row: row.other)
        )
        for number in sorted(clauses)
    )
    count = sum(len(one.entries) for lists in rules for one in lists)
    return rules if count <= AT_MOST else None


def principals_of(rules: Rules) -> set[int]:
    """Return the ids of the principals that rules name."""
    return {entry.principal_id for lists in rules for one in lists for entry in one.entries}


def _entries(tree: Tree, acl: int) -> tuple[RuleEntry, ...]:
    found = [
        _entry(tree, entry, distance)
        for distance, (place, is_cut) in enumerate(tree.line(acl))
        for entry in _live(tree, tree.entries.get(place.key, ()))
        if entry.data["sticky"] or not is_cut
    ]
    return tuple(sorted(found, key=lambda e: (e.distance, e.order, e.is_allowed, e.principal_id)))


def _live(tree: Tree, entries: Iterable[Row]) -> Iterable[Row]:
    for entry in entries:
        principal = tree.principals.get(entry.other)
        if principal is not None and principal.stands and entry.lasts(tree.rows.moment.at):
            yield entry


def _entry(tree: Tree, entry: Row, distance: int) -> RuleEntry:
    return RuleEntry(
        principal_id=entry.other,
        is_allowed=tree.is_allow(entry),
        distance=distance,
        order=entry.data["ord"],
        level=Level(entry.data["level"]),
        expires_at=entry.time("expires_at"),
    )
