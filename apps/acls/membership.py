"""Who is in which group: direct edges only; the database derives groups within groups from them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from apps import audit
from apps.accounts.models import User
from apps.acls.errors import BrokenTree
from apps.acls.models import NESTING_KINDS, Edge, Principal
from apps.tenants.context import required_tenant_id

Members = Mapping[int, datetime | None]  # member -> when the membership ends, None for never

# One statement, so that an edge that only ends later is an update and an equal one is untouched.
# (NOT IN: see migration 0002.)
_REPLACE = """
WITH wanted AS MATERIALIZED (
    SELECT * FROM unnest(%(groups)s::bigint[], %(members)s::bigint[], %(ends)s::timestamptz[])
        w(group_id, member_id, expires_at)
), gone AS (
    DELETE FROM acls_edge e
    WHERE e.tenant_id = %(tenant)s AND e.group_id = ANY (%(whole)s::bigint[])
        AND (e.group_id, e.member_id) NOT IN (SELECT group_id, member_id FROM wanted)
    RETURNING 1
), put AS (
    INSERT INTO acls_edge AS e (tenant_id, group_id, member_id, expires_at, observed_at)
    SELECT %(tenant)s, w.group_id, w.member_id, w.expires_at, %(observed_at)s FROM wanted w
    WHERE (w.group_id, w.member_id, coalesce(w.expires_at, 'infinity')) NOT IN (
        SELECT s.group_id, s.member_id, coalesce(s.expires_at, 'infinity') FROM acls_edge s
        WHERE s.tenant_id = %(tenant)s AND s.group_id IN (SELECT group_id FROM wanted))
    ON CONFLICT (tenant_id, member_id, group_id)
        DO UPDATE SET expires_at = excluded.expires_at, observed_at = excluded.observed_at
    RETURNING 1
) SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM put)
"""


def replace(lists: Mapping[int, Members], *, observed_at: datetime) -> int:
    """Make the members of each group exactly the given ones, and return how many edges changed.

    For recording what a source states; people use `add` and `remove`, which are audited.

    Args:
        lists: group -> its direct members.
        observed_at: kept with the edges that change.
    """
    return _write(lists, whole=list(lists), observed_at=observed_at)


def add(
    *,
    group: Principal,
    members: Collection[Principal],
    actor: User | None,
    until: datetime | None = None,
) -> None:
    """Put members into a group.

    Args:
        group: of a kind that has listed members (group or domain).
        members: people, groups or dynamic principals of the same tenant.
        actor: who asked for it; None for Kenward itself.
        until: when the membership ends by itself; None for never.

    Raises:
        BrokenTree: the principal cannot have members, or would be a member of itself.
    """
    if group.kind not in NESTING_KINDS or any(m.pk == group.pk for m in members):
        raise BrokenTree(f"{group} cannot have these members.")
    with transaction.atomic():
        lists = {group.pk: dict.fromkeys((m.pk for m in members), until)}
        _write(lists, whole=[], observed_at=timezone.now())
        _record("group.members_added", group, members, actor)


def remove(*, group: Principal, members: Collection[Principal], actor: User | None) -> None:
    """Take members out of a group; who was not in it stays out."""
    with transaction.atomic():
        Edge.objects.filter(
            tenant_id=group.tenant_id, group=group, member__in=[m.pk for m in members]
        ).delete()
        _record("group.members_removed", group, members, actor)


def bury(*, group: Principal, actor: User | None) -> None:
    """Mark a group as deleted in its source: it holds nobody, and is in nothing, from now on.

    Its row and the entries that name it stay, so that no denial disappears with it.
    """
    with transaction.atomic():
        edges = Edge.objects.filter(tenant_id=group.tenant_id)
        edges.filter(group=group).delete()
        edges.filter(member=group).delete()
        Principal.objects.filter(pk=group.pk).update(deleted_at=timezone.now())
        audit.record(
            "group.buried",
            tenant_id=group.tenant_id,
            actor_id=actor.pk if actor else None,
            target=group,
        )


def _record(
    action: str, group: Principal, members: Collection[Principal], actor: User | None
) -> None:
    audit.record(
        action,
        tenant_id=group.tenant_id,
        actor_id=actor.pk if actor else None,
        target=group,
        members=[str(member.uuid) for member in members],
    )


def _write(lists: Mapping[int, Members], *, whole: list[int], observed_at: datetime) -> int:
    # The order is everybody's order, so that two writers wait for each other instead of locking up.
    rows = sorted((g, m, end) for g, members in lists.items() for m, end in members.items())
    params: dict[str, Any] = {
        "tenant": required_tenant_id(),
        "groups": [row[0] for row in rows],
        "members": [row[1] for row in rows],
        "ends": [row[2] for row in rows],
        "whole": whole,
        "observed_at": observed_at,
    }
    with connection.cursor() as cursor:
        cursor.execute(_REPLACE, params)
        return int(cursor.fetchone()[0])
