"""Whom a policy lets read, as a flat list of identities and groups.

A flat list cannot say everything that a policy can: an AND of conditions, a denial that cuts
through a group, a group whose members nobody knows. So it errs to one side:

* A **group** is listed only where every one of its members is let in, whatever else they are: it
  is judged as somebody who is in this group alone and whom each denial of the policy concerns.
  One that holds a group whose members are unknown, or told too long ago, is not listed.
* An **identity** is listed only where it is let in by itself and, if a person holds it, the engine
  admits that person too, who may be somebody else in the source besides.
* **All members**, and everyone, are judged as a group is.

Whoever is listed may read; who is not listed may or may not. The list is *exact* where one of the
policy's conditions can be met only by those who are listed, or where everyone is: then nobody else
reads.

It describes one moment, in several reads, and decides nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from apps.acls import checks
from apps.acls.history_rows import Row
from apps.acls.history_tree import Standing, Tree
from apps.acls.history_view import View
from apps.acls.models import NESTING_KINDS, Claim
from apps.acls.permission_levels import Clauses, acls_of, granted
from apps.connections.protocol import Level, PrincipalKind
from apps.tenants.context import required_tenant_id
from apps.tenants.models import Membership

# Of identities and groups; where more are named, the rest is not listed, and the list not exact.
AT_MOST: Final = 1_000

_ALL: Final = (PrincipalKind.EVERYONE, PrincipalKind.MEMBERS)


@dataclass(frozen=True, slots=True)
class PermissionList:
    """Who reads for certain.

    Attributes:
        users: identities that may read, by the principal's id, each with the level up to which
            the entries let it in by itself.
        groups: groups all of whose members may read, likewise.
        everyone: who in the organisation may read without being named: `EVERYONE` with its guests,
            `MEMBERS` without, None for neither.
        has_link: the source opens it to whoever has its link; nobody is let in by that.
        is_exact: nobody reads who is not listed.
    """

    users: Mapping[int, Level]
    groups: Mapping[int, Level]
    everyone: PrincipalKind | None
    has_link: bool
    is_exact: bool


def listed(policy_id: int, view: View, tree: Tree, clauses: Clauses) -> PermissionList:
    """Return who reads by a policy.

    Args:
        policy_id: of the bound tenant.
        view: of the present moment.
        tree: of all ACLs that the conditions name.
        clauses: the policy's conditions, all of them.
    """
    return _Candidates(policy_id, view, tree, clauses).listed()


@dataclass
class _Candidates:
    """The principals that the entries of a policy allow, and what becomes of them."""

    policy_id: int
    view: View
    tree: Tree
    clauses: Clauses

    def listed(self) -> PermissionList:
        everyone = next((kind for kind in _ALL if self.lets_in_all(kind)), None)
        groups = self.levels(self.groups, self.denied)
        users = self.levels(self.users, self.view.unsure | self.dynamic_of(_ALL[1]))
        refused = self.refused(users)
        users = {pk: level for pk, level in users.items() if pk not in refused}
        named = users.keys() | groups.keys()
        if everyone is not None:
            covered = _ALL if everyone == PrincipalKind.EVERYONE else (PrincipalKind.MEMBERS,)
            named |= {pk for pk in self.kinds if self.kinds[pk] in covered}
        return PermissionList(
            users=users,
            groups=groups,
            everyone=everyone,
            has_link=PrincipalKind.LINK in self.kinds.values(),
            is_exact=everyone == PrincipalKind.EVERYONE
            or any(who <= named for who in self.by_clause.values()),
        )

    @cached_property
    def allowed(self) -> dict[int, set[int]]:
        """Principals that live entries allow, by the number of the condition."""
        return {
            number: {
                entry.other for row in acls for entry in self.entries(row.other, is_allow=True)
            }
            for number, acls in self.clauses.items()
        }

    @cached_property
    def by_clause(self) -> dict[int, set[int]]:
        """The same without links, by which nobody is let in."""
        return {
            number: {pk for pk in who if self.kinds[pk] != PrincipalKind.LINK}
            for number, who in self.allowed.items()
        }

    @cached_property
    def kinds(self) -> dict[int, str]:
        allowed = set().union(*self.allowed.values())
        return {pk: row.data["kind"] for pk, row in self.tree.rows.principals(allowed).items()}

    @cached_property
    def denied(self) -> frozenset[int]:
        """Principals that some entry denies."""
        acls = acls_of(self.clauses)
        return frozenset(e.other for acl in acls for e in self.entries(acl, is_allow=False))

    @cached_property
    def groups(self) -> list[int]:
        named = sorted(pk for pk, kind in self.kinds.items() if kind in NESTING_KINDS)
        vague = self.vague(named)
        return [pk for pk in named if pk not in vague][:AT_MOST]

    @cached_property
    def users(self) -> list[int]:
        named = sorted(pk for pk, kind in self.kinds.items() if kind == PrincipalKind.USER)
        return named[:AT_MOST]

    @cached_property
    def holders(self) -> dict[int, int]:
        """The people who hold the named identities."""
        claims = Claim.objects.filter(
            tenant_id=required_tenant_id(), ended_at=None, principal_id__in=self.users
        )
        return dict(claims.values_list("principal_id", "user_id"))

    @cached_property
    def full_members(self) -> set[int]:
        """Named identities whose holders are full members."""
        found = Membership.objects.filter(
            tenant_id=required_tenant_id(), user_id__in=self.holders.values(), is_guest=False
        )
        full = set(found.values_list("user_id", flat=True))
        return {pk for pk, user_id in self.holders.items() if user_id in full}

    def entries(self, acl: int, *, is_allow: bool) -> Iterable[Row]:
        """Return the live entries that count for an ACL, of one sort."""
        if self.tree.is_stale(acl):
            return
        for place, cut in self.tree.line(acl):
            for entry in self.tree.entries.get(place.key, ()):
                # Whether it would have a say about somebody who is just whom it names.
                standing = Standing({entry.other: (None, 0)}, frozenset(), {})
                if self.tree.is_allow(entry) == is_allow and self.tree.matches(
                    entry, standing, cut=cut
                ):
                    yield entry

    def dynamic_of(self, kind: PrincipalKind) -> frozenset[int]:
        """Return the live principals that everyone is, or that full members are besides."""
        for_all = self.view.dynamic(is_guest=True)
        if kind == PrincipalKind.EVERYONE:
            return frozenset(for_all)
        return frozenset(self.view.dynamic(is_guest=False) - for_all)

    def lets_in_all(self, kind: PrincipalKind) -> bool:
        """Return whether all guests and members are let in, or all members, whatever they are."""
        start = self.view.dynamic(is_guest=kind == PrincipalKind.EVERYONE)
        reached = _reached(start, self.tree.rows.groups(start, but=self.view.rows.aged()))
        standing = Standing(dict.fromkeys(reached, (None, 0)), self.denied, {})
        return granted(self.tree, self.clauses, standing) is not None

    def levels(self, principals: Iterable[int], unsure: Collection[int]) -> dict[int, Level]:
        """Return those that are let in by themselves, as any member is who is nothing else.

        Args:
            principals: each by itself.
            unsure: whose denials concern them as well.
        """
        named = list(principals)
        by_belonging = self.dynamic_of(PrincipalKind.EVERYONE)
        by_membership = self.dynamic_of(PrincipalKind.MEMBERS)
        aged = self.view.rows.aged()
        above = self.tree.rows.groups({*named, *by_belonging, *by_membership}, but=aged)
        found: dict[int, Level] = {}
        for principal in named:
            start = {principal, *by_belonging}
            if principal in self.full_members:
                start |= by_membership
            sure = dict.fromkeys(_reached(start, above), (None, 0))
            level = granted(self.tree, self.clauses, Standing(sure, frozenset(unsure), {}))
            if level is not None:
                found[principal] = level
        return found

    def refused(self, users: Collection[int]) -> set[int]:
        """Return those of the identities whose holders the engine does not admit."""
        held = [(pk, self.holders[pk]) for pk in users if pk in self.holders]
        verdicts = checks.admits_many([(user_id, self.policy_id) for _, user_id in held])
        return {pk for (pk, _), admitted in zip(held, verdicts, strict=True) if not admitted}

    def vague(self, groups: Collection[int]) -> set[int]:
        """Return the groups of whose members, on any level, it is not known who they are."""
        direct = self.tree.rows.members(groups)
        inside = {group: _reached({group}, direct) for group in groups}
        everybody = set().union(*inside.values())
        aged = self.view.rows.aged()
        unknown = {
            pk
            for pk, row in self.tree.rows.principals(everybody).items()
            if pk in aged or not row.data["members_known"]
        }
        return {group for group, who in inside.items() if who & unknown}


def _reached(start: Iterable[int], direct: Mapping[int, Collection[int]]) -> set[int]:
    """Return some principals with everything that direct memberships lead to."""
    found = set(start)
    waiting = deque(found)
    while waiting:
        new = set(direct.get(waiting.popleft(), ())) - found
        found |= new
        waiting.extend(new)
    return found
