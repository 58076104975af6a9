"""Who is in which group: direct edges only; the database derives groups within groups from them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from apps import audit
from apps.accounts.models import User
from apps.acls.errors import BrokenTree
from apps.acls.models import NESTING_KINDS, Edge, Principal
from apps.tenants.context import required_tenant_id

Members = Mapping[int, datetime | None]  # member -> when the membership ends, None for never

# The order of ids is everybody's order. A burial is dated like a list: an older list does not undo
# it, and it does not undo a newer list. Whoever comes back under the same name comes back with
# unknown members, who may be denied something and are allowed nothing, until a list says more.
_LOCK = """
SELECT group_ptr_id FROM acls_principal
WHERE tenant_id = %(tenant)s AND group_ptr_id = ANY (%(ids)s::bigint[]) AND deleted_at IS NULL
    AND (observed_at IS NULL OR observed_at <= %(at)s OR observed_at > statement_timestamp())
ORDER BY group_ptr_id FOR NO KEY UPDATE
"""

_BURY = """
UPDATE acls_principal SET deleted_at = %(at)s, observed_at = %(at)s, members_known = false
WHERE tenant_id = %(tenant)s AND group_ptr_id = ANY (%(ids)s::bigint[])
"""

# One statement, so that an edge that only ends later is an update and an equal one is untouched.
# (NOT IN: see migration 0002.)
_REPLACE = """
WITH wanted AS MATERIALIZED (
    SELECT * FROM unnest(%(groups)s::bigint[], %(members)s::bigint[], %(ends)s::timestamptz[])
        w(group_id, member_id, expires_at)
), gone AS (
    DELETE FROM acls_edge e
    WHERE e.tenant_id = %(tenant)s
        AND (e.group_id = ANY (%(whole)s::bigint[]) OR e.member_id = ANY (%(buried)s::bigint[]))
        AND (e.group_id, e.member_id) NOT IN (SELECT group_id, member_id FROM wanted)
    RETURNING 1
), put AS (
    INSERT INTO acls_edge AS e (tenant_id, group_id, member_id, expires_at, observed_at, brought_by)
    SELECT %(tenant)s, w.group_id, w.member_id, w.expires_at, %(observed_at)s, %(brought_by)s
    FROM wanted w
    WHERE (w.group_id, w.member_id, coalesce(w.expires_at, 'infinity')) NOT IN (
        SELECT s.group_id, s.member_id, coalesce(s.expires_at, 'infinity') FROM acls_edge s
        WHERE s.tenant_id = %(tenant)s AND s.group_id IN (SELECT group_id FROM wanted))
    ON CONFLICT (tenant_id, member_id, group_id)
        DO UPDATE SET expires_at = excluded.expires_at, observed_at = excluded.observed_at,
            brought_by = excluded.brought_by
    RETURNING 1
) SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM put)
"""


def replace(
    lists: Mapping[int, Members],
    *,
    buried: Collection[int] = (),
    observed_at: datetime,
    brought_by: UUID | None = None,
) -> int:
    """Make the members of each group exactly the given ones, and return how many edges changed.

    For recording what a source states; people use `add` and `remove`, which are audited.

    Args:
        lists: group -> its direct members.
        buried: groups that hold nobody any more, and are in nothing.
        observed_at: kept with the edges that change.
        brought_by: likewise: the sync run, by uuid.
    """
    dead = set(buried)
    alive = {
        group: {member: end for member, end in members.items() if member not in dead}
        for group, members in lists.items()
        if group not in dead
    }
    return _write(
        alive,
        whole=[*alive, *dead],
        buried=list(dead),
        observed_at=observed_at,
        brought_by=brought_by,
    )


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
        now = timezone.now()
        bury_all([group.pk], observed_at=now)
        replace({}, buried=buried([group.pk]), observed_at=now)
        audit.record(
            "group.buried",
            tenant_id=group.tenant_id,
            actor_id=actor.pk if actor else None,
            target=group,
        )


def bury_all(ids: Collection[int], *, observed_at: datetime) -> int:
    """Date groups as deleted that a source has no more; return of how many it was news.

    Groups that are buried already, and those of which something newer is known, stay as they are.
    Their edges are the caller's to take away, with `replace`: in one statement with the others,
    since two syncs that each hold some edges and want more would wait for each other.
    """
    with connection.cursor() as cursor:
        params: dict[str, Any] = {"tenant": required_tenant_id(), "at": observed_at}
        cursor.execute(_LOCK, params | {"ids": sorted(ids)})
        gone = [int(pk) for (pk,) in cursor.fetchall()]
        cursor.execute(_BURY, params | {"ids": gone})
        return len(gone)


def buried(ids: Collection[int]) -> list[int]:
    """Return which of these groups are deleted in their source."""
    if not ids:
        return []
    groups = Principal.objects.filter(tenant_id=required_tenant_id(), pk__in=ids)
    return list(groups.exclude(deleted_at=None).values_list("pk", flat=True))


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


def _write(
    lists: Mapping[int, Members],
    *,
    whole: list[int],
    buried: Collection[int] = (),
    observed_at: datetime,
    brought_by: UUID | None = None,
) -> int:
    # The order is everybody's order, so that two writers wait for each other instead of locking up.
    rows = sorted((g, m, end) for g, members in lists.items() for m, end in members.items())
    params: dict[str, Any] = {
        "tenant": required_tenant_id(),
        "groups": [row[0] for row in rows],
        "members": [row[1] for row in rows],
        "ends": [row[2] for row in rows],
        "whole": whole,
        "buried": list(buried),
        "observed_at": observed_at,
        "brought_by": brought_by,
    }
    with connection.cursor() as cursor:
        cursor.execute(_REPLACE, params)
        return int(cursor.fetchone()[0])
