"""Who could read what at a moment, from the rows of that moment and nothing derived.

It follows edges and parents themselves, as the definition says; `statement.py` says the same of
the present in one statement.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from apps.acls.history_moments import Moment
from apps.acls.history_rows import Row, Rows
from apps.acls.history_tree import Standing, Tree, is_whole
from apps.acls.models import DYNAMIC_KINDS
from apps.connections.protocol import PrincipalKind
from apps.tenants.context import required_tenant_id
from apps.tenants.models import Membership

# By which memberships does not matter.
_REACHED: tuple[Row | None, int] = (None, 0)


@dataclass
class View:
    """What was so at a moment, in the bound tenant."""

    moment: Moment
    rows: Rows = field(init=False)

    def __post_init__(self) -> None:
        self.rows = Rows(self.moment)

    @cached_property
    def unsure(self) -> frozenset[int]:
        """Principals that may hold anybody, since members of a group are unknown or too old."""
        unknown = {
            row.key
            for row in self.rows.at_large()
            if not row.data["members_known"] and not row.data["deleted_at"]
        }
        aged = {pk for pk, row in self.rows.aged().items() if not row.data["deleted_at"]}
        return frozenset(self.rows.climb(unknown | aged)) if unknown or aged else frozenset()

    def membership(self, user_id: int) -> Row | None:
        """Return a person's membership, if it let them in."""
        found = self.rows.find("membership", key=[user_id])
        if not found or not found[0].data["is_active"]:
            return None
        return found[0] if self._usable([user_id]) else None

    def standing(self, user_id: int) -> Standing | None:
        """Return which principals a person was; None without a membership that let them in."""
        membership = self.membership(user_id)
        if membership is None:
            return None
        told = self.rows.find("claim", key=[user_id])
        claims = {row.other: row for row in told if not row.data["ended_at"]}
        former = self._led_to({pk for _, pk in self._formerly(told)})
        identities = self.rows.principals(claims)
        dynamic = self.dynamic(is_guest=membership.data["is_guest"])
        live = {pk for pk, row in identities.items() if row.stands} | dynamic
        return Standing(
            sure=self.rows.climb(live, but=self.rows.aged()),
            unsure=self.unsure | former,
            claims=claims,
            dead=frozenset(claims) - live,
            former=former,
        )

    def dynamic(self, *, is_guest: bool) -> set[int]:
        """Return the dynamic principals that a member was by being one."""
        return {
            row.key
            for row in self.rows.at_large()
            if row.data["kind"] in DYNAMIC_KINDS
            and row.stands
            and (row.data["kind"] == PrincipalKind.EVERYONE or not is_guest)
        }

    def admits(self, user_id: int, policy_id: int) -> bool:
        """Return whether a policy admitted a person."""
        standing = self.standing(user_id)
        return standing is not None and policy_id in self._admitting(standing, [policy_id])

    def policies_of(self, user_id: int) -> set[int]:
        """Return the policies that admitted a person: reads every ACL there was."""
        standing = self.standing(user_id)
        return self._admitting(standing, None) if standing else set()

    def readers_of(self, policy_id: int) -> set[int]:
        """Return the people whom a policy admitted."""
        clauses = self.rows.clauses([policy_id])[policy_id]
        if not is_whole(clauses):
            return set()
        tree = Tree.of(self.rows, [row.other for acls in clauses.values() for row in acls])
        held = self._held_by_whom({e.other for found in tree.entries.values() for e in found})
        by_standing: dict[tuple[frozenset[int], frozenset[int]], set[int]] = defaultdict(set)
        for user_id, (sure, former) in held.items():
            by_standing[frozenset(sure), frozenset(former)].add(user_id)
        readers: set[int] = set()
        for (were, had_been), people in by_standing.items():
            standing = Standing(dict.fromkeys(were, _REACHED), self.unsure | had_been, {})
            if all(
                any(tree.admits(row.other, standing) for row in acls) for acls in clauses.values()
            ):
                readers |= people
        return readers

    def _held_by_whom(self, principals: set[int]) -> dict[int, tuple[set[int], set[int]]]:
        """Return the people who belonged, with those of the principals that they were or had been.

        Args:
            principals: about which it is asked.
        """
        active = [row for row in self.rows.find("membership") if row.data["is_active"]]
        usable = self._usable([row.key for row in active])
        members = [row for row in active if row.key in usable]
        direct, aged = self.rows.members(principals), self.rows.aged()
        within = {pk: _within(direct, pk) for pk in principals}
        are, were = self._holders(members, set().union(*within.values()))
        held: dict[int, tuple[set[int], set[int]]] = {row.key: (set(), set()) for row in members}
        for principal, inside in within.items():
            counted = _within(direct, principal, but=aged) if aged else inside
            for user_id in set().union(*(are[pk] for pk in counted & are.keys())):
                held[user_id][0].add(principal)
            for user_id in set().union(*(were[pk] for pk in inside & were.keys())):
                held[user_id][1].add(principal)
        return held

    def _holders(
        self, members: Sequence[Row], principals: set[int]
    ) -> tuple[dict[int, set[int]], dict[int, set[int]]]:
        """Return which of the members each principal is, and which ones it may still be."""
        people = {row.key for row in members}
        live = {pk for pk, row in self.rows.principals(principals).items() if row.stands}
        told = [row for row in self.rows.find("claim", other=live) if row.key in people]
        are: dict[int, set[int]] = defaultdict(set)
        for row in told:
            if not row.data["ended_at"]:
                are[row.other].add(row.key)
        for is_guest in (False, True):
            for pk in self.dynamic(is_guest=is_guest) & principals:
                are[pk] |= {row.key for row in members if row.data["is_guest"] == is_guest}
        were: dict[int, set[int]] = defaultdict(set)
        for user_id, pk in self._formerly(told):
            were[pk].add(user_id)
        return are, were

    def _formerly(self, claims: Iterable[Row]) -> set[tuple[int, int]]:
        """Return the people and identities of claims that have ended, where that can be a pretence.

        Not where somebody else is it now, nor where an admin has said that it never was the person.
        """
        ended = {(row.key, row.other) for row in claims if row.data["ended_at"]}
        identities = {pk for _, pk in ended}
        now = self.rows.find("claim", other=identities)
        held = {row.other for row in now if not row.data["ended_at"]}
        said = self.rows.find("keptapart", other=identities)
        apart = {(row.key, row.other) for row in said if not row.data["ended_at"]}
        return {pair for pair in ended - apart if pair[1] not in held}

    def _led_to(self, identities: set[int]) -> frozenset[int]:
        live = {pk for pk, row in self.rows.principals(identities).items() if row.stands}
        return frozenset(self.rows.climb(live))

    def _admitting(self, standing: Standing, policies: list[int] | None) -> set[int]:
        found = self.rows.clauses(policies)
        acls = [row.other for each in found.values() for some in each.values() for row in some]
        tree = Tree.of(self.rows, acls if policies else None)
        ok: dict[int, bool] = {acl: tree.admits(acl, standing) for acl in set(acls)}
        return {
            policy
            for policy, clauses in found.items()
            if is_whole(clauses)
            and all(any(ok[row.other] for row in some) for some in clauses.values())
        }

    def _usable(self, user_ids: list[int]) -> set[int]:
        """Return for whom the account and the organisation are open; of the past it is unknown."""
        if not self.moment.is_now:
            return set(user_ids)
        members = Membership.objects.usable().filter(
            tenant_id=required_tenant_id(), user_id__in=user_ids
        )
        return set(members.values_list("user_id", flat=True))


def _within(direct: Mapping[int, set[int]], top: int, *, but: Collection[int] = ()) -> set[int]:
    """Return a principal with everything that is in it, directly or through groups.

    Args:
        direct: see `Rows.members`.
        top: any principal.
        but: groups that count for nothing: nobody is in them, and they hand nobody on.
    """
    if top in but:
        return set()
    found, frontier = {top}, {top}
    while frontier:
        inside = set().union(*(direct.get(group, set()) for group in frontier))
        frontier = inside - found - set(but)
        found |= frontier
    return found
