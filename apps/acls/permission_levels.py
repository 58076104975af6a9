"""Up to which level somebody is let in by the conditions of a policy: reads, comments or writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from apps.accounts.models import User
from apps.acls import history
from apps.acls.history_rows import Row
from apps.acls.history_tree import Decision, Standing, Tree, is_whole
from apps.acls.history_view import View
from apps.connections.protocol import Level

# The conditions of a policy by their numbers, each as the rows of its ACLs.
Clauses = Mapping[int, Sequence[Row]]


def of_reader(user: User, policy_id: int) -> Level | None:
    """Return up to which level a policy lets a person in now, or None where it does not.

    Args:
        user: who asks; the bound tenant is meant.
        policy_id: as the document carries it.
    """
    view = View(history.moment_of(None))
    standing = view.standing(user.pk)
    clauses = view.rows.clauses([policy_id])[policy_id]
    if standing is None or not is_whole(clauses):
        return None
    return granted(Tree.of(view.rows, acls_of(clauses)), clauses, standing)


def acls_of(clauses: Clauses) -> list[int]:
    """Return the ids of the ACLs that a policy's conditions name."""
    return [row.other for acls in clauses.values() for row in acls]


def granted(tree: Tree, clauses: Clauses, standing: Standing) -> Level | None:
    """Return up to which level conditions let somebody in, or None where one does not at all.

    Within a condition the ACL counts that grants the most, of several conditions the one that
    grants the least. What no entry near enough decides is not counted, so that the level is rather
    too low than too high.

    Args:
        tree: of all ACLs that the conditions name.
        clauses: of one whole policy.
        standing: which principals they are.
    """
    levels = [_best(tree, (row.other for row in acls), standing) for acls in clauses.values()]
    fulfilled = [level for level in levels if level is not None]
    return min(fulfilled) if fulfilled and len(fulfilled) == len(levels) else None


def _best(tree: Tree, acls: Iterable[int], standing: Standing) -> Level | None:
    levels = [
        _deciding(tree, decision, standing)
        for acl in acls
        if not tree.is_stale(acl)
        and (decision := tree.decide(acl, standing)) is not None
        and decision.is_allowed
    ]
    return max(levels, default=None)


def _deciding(tree: Tree, decision: Decision, standing: Standing) -> Level:
    """Return the highest level among the entries that decide with equal right."""
    place, below = decision.chain[-1], decision.chain[:-1]
    is_cut = any(row.data["mode"] == "cut" for row in below)
    return max(
        Level(entry.data["level"])
        for entry in tree.entries[place.key]
        if entry.data["ord"] == decision.entry.data["ord"]
        and tree.is_allow(entry)
        and tree.matches(entry, standing, cut=is_cut)
    )
