"""Who reads what, in words for the admin's lists. It describes; only the engine decides."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from django.db import connection

from apps.connections.protocol import PrincipalKind
from apps.tenants.context import required_tenant_id

# Principals with a live allow along the line of an ACL of the policy, the nearest first. Those that
# only some clauses name are not readers by themselves and are joined by “and”.
_READERS = """
SELECT c.policy_id, c.clause, p.kind,
    coalesce(nullif(p.label, ''), nullif(p.email, ''), p.external_id)
FROM acls_policyclause c
JOIN acls_line l ON l.tenant_id = c.tenant_id AND l.acl_id = c.acl_id
JOIN acls_aclentry e ON e.tenant_id = c.tenant_id AND e.content_object_id = l.ancestor_id
    AND (NOT l.cut OR e.sticky)
    AND (e.starts_at IS NULL OR e.starts_at <= statement_timestamp())
    AND (e.expires_at IS NULL OR e.expires_at > statement_timestamp())
JOIN auth_permission perm ON perm.id = e.permission_id AND perm.codename = 'view_acl'
JOIN acls_principal p ON p.tenant_id = c.tenant_id AND p.group_ptr_id = e.group_id
    AND p.deleted_at IS NULL AND p.is_active
WHERE c.tenant_id = %(tenant)s AND c.policy_id = ANY (%(policies)s::bigint[])
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, min(l.distance), 4
"""

_DYNAMIC = {
    PrincipalKind.MEMBERS: "All members",
    PrincipalKind.EVERYONE: "Everyone, guests included",
    PrincipalKind.LINK: "Anyone with the link (not searchable)",
}


def readers_of(policy_ids: Collection[int], *, at_most: int = 5) -> dict[int, list[str]]:
    """Return whom each policy lets read, as labels, nearest place first.

    Denials are left out: the list says who is meant to read, not who does.

    Args:
        policy_ids: of the bound tenant; one without readers gets an empty list.
        at_most: labels per policy; where there are more, the last one says how many.
    """
    found: dict[int, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    with connection.cursor() as cursor:
        cursor.execute(_READERS, {"tenant": required_tenant_id(), "policies": list(policy_ids)})
        for policy_id, clause, kind, label in cursor.fetchall():
            found[policy_id][clause].append(_DYNAMIC.get(PrincipalKind(kind), label))
    counts = _clause_counts(policy_ids)
    return {
        policy_id: _shortened(
            _joined(list(found[policy_id].values()), counts.get(policy_id, 0)), at_most
        )
        for policy_id in policy_ids
    }


def _clause_counts(policy_ids: Collection[int]) -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, clause_count FROM acls_policy"
            " WHERE tenant_id = %s AND id = ANY (%s::bigint[])",
            [required_tenant_id(), list(policy_ids)],
        )
        return dict(cursor.fetchall())


def _joined(clauses: list[list[str]], clause_count: int) -> list[str]:
    if len(clauses) < clause_count or not clauses:
        return []  # a clause that nobody fulfils
    common = [label for label in clauses[0] if all(label in other for other in clauses[1:])]
    if common:
        return list(dict.fromkeys(common))
    return [" and ".join(" or ".join(labels) for labels in clauses)]


def _shortened(labels: list[str], at_most: int) -> list[str]:
    if len(labels) <= at_most:
        return labels
    return [*labels[: at_most - 1], f"{len(labels) - at_most + 1} more"]
