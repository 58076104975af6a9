"""Records who is allowed or denied on each ACL, as guardian's permission rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Permission
from django.db import connection

from apps.acls.principals import Ids, name_of
from apps.connections.protocol import RemoteEntry
from apps.tenants.context import required_tenant_id

# One statement: entries that are no longer told go, told ones that differ change, equal ones stay
# untouched, so that the change log names only whom something changed for.
# (NOT IN: see migration 0002.)
_REPLACE = """
WITH wanted AS MATERIALIZED (
    SELECT * FROM unnest(%(acls)s::bigint[], %(principals)s::bigint[], %(permissions)s::int[],
        %(ords)s::smallint[], %(sticky)s::boolean[], %(starts)s::timestamptz[],
        %(ends)s::timestamptz[], %(levels)s::smallint[])
        w(acl, principal, permission, ord, sticky, starts_at, expires_at, level)
), gone AS (
    DELETE FROM acls_aclentry e
    WHERE e.tenant_id = %(tenant)s AND e.content_object_id = ANY (%(whole)s::bigint[])
        AND (e.content_object_id, e.group_id) NOT IN (SELECT acl, principal FROM wanted)
    RETURNING content_object_id
), put AS (
    INSERT INTO acls_aclentry AS e (tenant_id, content_object_id, group_id, permission_id, ord,
        sticky, starts_at, expires_at, level, observed_at, brought_by)
    SELECT %(tenant)s, w.acl, w.principal, w.permission, w.ord, w.sticky, w.starts_at,
        w.expires_at, w.level, %(observed_at)s, %(brought_by)s
    FROM wanted w
    WHERE (w.acl, w.principal, w.permission, w.ord, w.sticky, w.level,
            coalesce(w.starts_at, '-infinity'), coalesce(w.expires_at, 'infinity')) NOT IN (
        SELECT s.content_object_id, s.group_id, s.permission_id, s.ord, s.sticky, s.level,
            coalesce(s.starts_at, '-infinity'), coalesce(s.expires_at, 'infinity')
        FROM acls_aclentry s
        WHERE s.tenant_id = %(tenant)s AND s.content_object_id = ANY (%(whole)s::bigint[]))
    ON CONFLICT (tenant_id, content_object_id, group_id)
        DO UPDATE SET permission_id = excluded.permission_id, ord = excluded.ord,
            sticky = excluded.sticky, starts_at = excluded.starts_at,
            expires_at = excluded.expires_at, level = excluded.level,
            observed_at = excluded.observed_at, brought_by = excluded.brought_by
    RETURNING content_object_id
) SELECT content_object_id FROM gone UNION ALL SELECT content_object_id FROM put
"""


def permission_ids() -> dict[bool, int]:
    """Return the ids of guardian's permissions: True for allow, False for deny."""
    found = Permission.objects.filter(
        content_type__app_label="acls", content_type__model="acl", codename__in=_CODENAMES
    )
    return {_CODENAMES[codename]: pk for codename, pk in found.values_list("codename", "pk")}


_CODENAMES = {"view_acl": True, "deny_acl": False}


def replace(
    lists: Mapping[int, Sequence[RemoteEntry]],
    principals: Ids,
    *,
    observed_at: datetime,
    brought_by: UUID | None = None,
) -> list[int]:
    """Make the entries of each ACL exactly the told ones, and return the ACL of each changed row.

    Args:
        lists: ACL -> its entries; of two for one principal the one that is tried first counts.
        principals: ids of all principals that the entries name.
        observed_at: kept with the rows that change.
        brought_by: likewise: the sync run, by uuid.
    """
    permissions = permission_ids()
    rows = {
        (acl, principals[name_of(entry.principal)]): entry
        for acl, entries in sorted(lists.items())
        # The last one stays in the dict: the least in order, and the denial of two equal ones.
        for entry in sorted(entries, key=lambda e: (-e.ord, e.is_allowed is False, e.level))
    }
    ordered = sorted(rows.items(), key=lambda item: item[0])
    params: dict[str, Any] = {
        "tenant": required_tenant_id(),
        "whole": list(lists),
        "acls": [acl for (acl, _), _ in ordered],
        "principals": [principal for (_, principal), _ in ordered],
        "permissions": [permissions[entry.is_allowed] for _, entry in ordered],
        "ords": [entry.ord for _, entry in ordered],
        "sticky": [entry.is_sticky for _, entry in ordered],
        "starts": [entry.starts_at for _, entry in ordered],
        "ends": [entry.expires_at for _, entry in ordered],
        "levels": [int(entry.level) for _, entry in ordered],
        "observed_at": observed_at,
        "brought_by": brought_by,
    }
    with connection.cursor() as cursor:
        cursor.execute(_REPLACE, params)
        return [int(acl) for (acl,) in cursor.fetchall()]
