"""Why may this person read this? The entry that decided, and how it reaches the person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from apps.accounts.models import User
from apps.acls import statement
from apps.acls.models import Acl, Closure, Edge, Principal
from apps.connections.protocol import PrincipalKind
from apps.tenants.context import required_tenant_id

# For each clause the allowing decision that is nearest: the engine's own rows of who the person is,
# and the first entry along the line of each of the clause's ACLs.
_DECISIONS = f"""
WITH {statement.PRINCIPALS}, decision AS (
    SELECT DISTINCT ON (c.clause, c.acl_id) c.clause, c.acl_id, l.distance, m.allow,
        m.group_id, m.content_object_id, m.observed_at
    FROM acls_policyclause c
    JOIN acls_line l ON l.tenant_id = c.tenant_id AND l.acl_id = c.acl_id
    JOIN matching m ON m.content_object_id = l.ancestor_id AND (NOT l.cut OR m.sticky)
    WHERE c.tenant_id = %(scope_tenant)s::bigint AND c.policy_id = %(policy)s
        AND (m.starts_at IS NULL OR m.starts_at <= statement_timestamp())
    ORDER BY c.clause, c.acl_id, l.distance, m.ord, m.allow, m.group_id
)
SELECT DISTINCT ON (clause) group_id, content_object_id, observed_at
FROM decision WHERE allow ORDER BY clause, distance, acl_id
"""  # noqa: S608  put together from constants


@dataclass(frozen=True, slots=True)
class Ground:
    """What fulfils one clause of a policy.

    Attributes:
        principal: whom the deciding entry allows, as the source labels it.
        kind: what that is.
        via: groups from the one that the person is directly in to the one before `principal`.
        place: where the entry stands.
        since: when it was first seen to be so; None if unknown.
    """

    principal: str
    kind: PrincipalKind
    via: tuple[str, ...]
    place: str
    since: datetime | None

    @property
    def clause(self) -> str:
        """Return the ground as the second half of a sentence."""
        if self.kind == PrincipalKind.USER:
            return f"you are among the readers of {self.place}"
        if self.kind in (PrincipalKind.MEMBERS, PrincipalKind.EVERYONE):
            return f"everyone in your organisation is among the readers of {self.place}"
        chain = [*self.via, self.principal]
        belongs = "".join(f", which belongs to {group}" for group in chain[1:])
        return f"you are in {chain[0]}{belongs}, which is among the readers of {self.place}"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a person may read what carries a policy: one ground for each of its clauses."""

    grounds: tuple[Ground, ...]

    @property
    def sentence(self) -> str:
        """Return one line for the person, in the second person."""
        return f"You can read this because {', and '.join(g.clause for g in self.grounds)}."


def why(user: User, policy_id: int) -> Reason | None:
    """Return why a person may read what carries a policy, or None when they may not.

    It runs in the bound tenant and follows what is stored now. It explains and never decides:
    only a guarded statement does.
    """
    tenant_id = required_tenant_id()
    params = {"scope_tenant": tenant_id, "scope_user": user.pk, "policy": policy_id}
    with connection.cursor() as cursor:
        cursor.execute(_DECISIONS, params)
        found = cursor.fetchall()
        cursor.execute(
            "SELECT clause_count FROM acls_policy WHERE tenant_id = %s AND id = %s",
            [tenant_id, policy_id],
        )
        counted = cursor.fetchone()
    if counted is None or len(found) != counted[0]:
        return None
    return Reason(tuple(dict.fromkeys(_ground(user, tenant_id, row) for row in found)))


def _ground(user: User, tenant_id: int, row: tuple[Any, ...]) -> Ground:
    goal, place_id, observed_at = row
    path = _way(user, tenant_id, goal)
    labels = {p.pk: str(p) for p in Principal.objects.filter(tenant_id=tenant_id, pk__in=path)}
    principal = Principal.objects.get(tenant_id=tenant_id, pk=goal)
    return Ground(
        principal=str(principal),
        kind=PrincipalKind(principal.kind),
        # The first step is the person's own identity, the last the principal itself.
        via=tuple(labels[pk] for pk in path[1:-1]),
        place=str(Acl.objects.get(tenant_id=tenant_id, pk=place_id)),
        since=observed_at,
    )


def _way(user: User, tenant_id: int, goal: int) -> list[int]:
    """Return the shortest way from an identity of the person up to a principal, both included."""
    mine = Principal.objects.filter(
        tenant_id=tenant_id,
        is_active=True,
        deleted_at=None,
        claims__user=user,
        claims__ended_at=None,
    )
    came_from: dict[int, int | None] = dict.fromkeys(mine.values_list("pk", flat=True))
    frontier = set(came_from)
    useful = Closure.objects.filter(tenant_id=tenant_id, ancestor_id=goal).values("group_id")
    lasting = Edge.objects.filter(tenant_id=tenant_id).exclude(expires_at__lte=timezone.now())
    while frontier and goal not in came_from:
        steps = lasting.filter(member_id__in=frontier, group_id__in=useful).order_by("group_id")
        reached = dict(steps.exclude(group_id__in=came_from).values_list("group_id", "member_id"))
        came_from |= reached
        frontier = set(reached)
    way: list[int] = []
    step: int | None = goal
    while step is not None:
        way.insert(0, step)
        step = came_from.get(step)
    return way
