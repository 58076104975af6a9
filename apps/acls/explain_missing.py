"""Why no entry lets a person in: the link that is missing, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.acls.history_rows import Row
from apps.acls.history_tree import Decision, Standing, Tree
from apps.acls.models import Principal

_NAMED = 4


@dataclass(frozen=True, slots=True)
class Labels:
    """What principals and ACLs are called, by their ids."""

    principals: Mapping[int, str]
    acls: Mapping[int, str]

    def principal(self, pk: int) -> str:
        """Return a principal's label, or its number when it is known no more."""
        if pk in self.principals:
            return self.principals[pk]
        found = Principal.objects.filter(pk=pk).first()
        return str(found) if found else f"principal {pk}"

    def acl(self, pk: int) -> str:
        """Return an ACL's label, or its number when it is known no more."""
        return self.acls.get(pk) or f"place {pk}"


def sentence(tree: Tree, standing: Standing, acl: int, labels: Labels) -> str:
    """Return why an ACL does not let a person in.

    Args:
        tree: holds the ACL.
        standing: the person's, which the ACL does not admit.
        acl: its id.
        labels: of everything in the tree.
    """
    place = tree.places.get(acl)
    if place is None:
        return f"{labels.acl(acl)} did not exist"
    if tree.is_stale(acl):
        return (
            f"the permissions of {place.data['realm']} were too old:"
            " its source had not confirmed them in time"
        )
    decision = tree.decide(acl, standing)
    if decision is not None:
        return _denial(decision, standing, labels)
    return next(_gaps(tree, standing, acl, labels))


def _denial(decision: Decision, standing: Standing, labels: Labels) -> str:
    who = labels.principal(decision.entry.other)
    where = labels.acl(decision.chain[-1].key)
    if decision.is_by_unknown and decision.entry.other in standing.former:
        return f"denied by {where}, which keeps {who} out: this person has been that, or in it"
    if decision.is_by_unknown:
        return f"denied by {where}: it keeps {who} out, and nobody knows who is in it"
    return f"denied by {where}, which keeps {who} out"


def _gaps(tree: Tree, standing: Standing, acl: int, labels: Labels) -> Iterator[str]:
    """Yield what comes nearest to letting the person in, the last one always."""
    line = tree.line(acl)
    allowing = [
        (entry, cut)
        for place, cut in line
        for entry in tree.entries.get(place.key, ())
        if tree.is_allow(entry)
    ]
    at = tree.rows.moment.at
    for entry, cut in allowing:
        if entry.other in standing.sure:
            yield _spent(tree, entry, at, labels, is_cut=cut and not entry.data["sticky"])
    passing = [entry for entry, cut in allowing if not cut or entry.data["sticky"]]
    names = _named([labels.principal(entry.other) for entry in passing])
    where = labels.acl(line[-1][0].key if not passing else passing[0].key)
    if not passing:
        yield f"nobody is let in on the way from {labels.acl(acl)} up to {where}"
    yield from _identity_gaps(tree, standing, passing, labels)
    yield f"not among those whom {where} names ({names})"


def _spent(tree: Tree, entry: Row, at: datetime, labels: Labels, *, is_cut: bool) -> str:
    """Return why an entry for the person does not count."""
    who, where = labels.principal(entry.other), labels.acl(entry.key)
    principal = tree.principals.get(entry.other)
    starts, ends = entry.time("starts_at"), entry.time("expires_at")
    if ends is not None and ends <= at:
        return f"what {where} granted {who} expired at {ends:%Y-%m-%d %H:%M:%S} UTC"
    if starts is not None and starts > at:
        return f"what {where} grants {who} begins at {starts:%Y-%m-%d %H:%M:%S} UTC"
    if principal is None or not principal.stands:
        return f"{who}, whom {where} names, is not active in its source"
    if is_cut:
        return f"a place below {where} cuts off what it grants {who}"
    return f"what {where} grants {who} does not count"


def _identity_gaps(
    tree: Tree, standing: Standing, passing: Sequence[Row], labels: Labels
) -> Iterator[str]:
    wanted = {entry.other for entry in passing}
    for identity in sorted(standing.dead):
        if wanted & set(tree.rows.climb([identity])):
            yield f"the identity {labels.principal(identity)} is not active in its source"
    for edge in _ended_memberships(tree, standing, wanted):
        group, ended = labels.principal(edge.other), edge.time("expires_at")
        yield f"the membership in {group} ended at {ended:%Y-%m-%d %H:%M:%S} UTC"
    realms = {row.data["realm"] for pk in wanted for row in [tree.principals.get(pk)] if row}
    held = {row.data["realm"] for row in tree.rows.principals(standing.claims).values()}
    if realms and not realms & held:
        yield f"not recognised: nobody in {_named(sorted(realms))} is matched with this person"


def _ended_memberships(tree: Tree, standing: Standing, wanted: set[int]) -> list[Row]:
    """Return direct memberships of the person that have expired and would have led there."""
    rows, at = tree.rows, tree.rows.moment.at
    ended = [
        edge
        for edge in rows.find("edge", key=standing.sure)
        if not edge.lasts(at) and edge.other not in standing.sure
    ]
    return [edge for edge in ended if wanted & set(rows.climb([edge.other]))]


def _named(labels: Sequence[str]) -> str:
    shown = list(dict.fromkeys(labels))
    if len(shown) > _NAMED:
        shown = [*shown[: _NAMED - 1], f"{len(shown) - _NAMED + 1} more"]
    return ", ".join(shown)
