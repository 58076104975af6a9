"""Who may read by which policies, for everybody at once; and which policies a change concerns.

People who are the same principals, as far as the policies in question name any, read the same: so
verdicts are computed per such class, however many people there are. It compares states and never
decides: what a person may read is decided by `resolve` alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection

from apps.tenants.context import required_tenant_id

# ACLs that name one of the principals, or a group that leads up from one, and all below.
_POLICIES_OF = """
WITH RECURSIVE above AS (
    SELECT unnest(%(principals)s::bigint[]) AS p
    UNION
    SELECT e.group_id FROM above a
    JOIN acls_edge e ON e.tenant_id = %(tenant)s AND e.member_id = a.p
), concerned AS MATERIALIZED (
    SELECT unnest(%(acls)s::bigint[]) AS acl
    UNION
    SELECT x.content_object_id FROM above a
    JOIN acls_aclentry x ON x.tenant_id = %(tenant)s AND x.group_id = a.p
), below AS MATERIALIZED (
    SELECT DISTINCT l.acl_id FROM concerned c
    JOIN acls_line l ON l.tenant_id = %(tenant)s AND l.ancestor_id = c.acl
)
SELECT DISTINCT c.policy_id FROM below b
JOIN acls_policyclause c ON c.tenant_id = %(tenant)s AND c.acl_id = b.acl_id
"""

_LINES = """
needed AS MATERIALIZED (
    SELECT DISTINCT c.acl_id AS acl FROM acls_policyclause c
    WHERE c.tenant_id = %(tenant)s AND c.policy_id = ANY (%(policies)s::bigint[])
), written AS MATERIALIZED (
    SELECT n.acl, l.distance, e.ord * 2 + (perm.codename = 'view_acl')::int AS rank, e.group_id AS p
    FROM needed n
    JOIN acls_line l ON l.tenant_id = %(tenant)s AND l.acl_id = n.acl
    JOIN acls_aclentry e ON e.tenant_id = %(tenant)s AND e.content_object_id = l.ancestor_id
        AND (NOT l.cut OR e.sticky)
        AND (e.starts_at IS NULL OR e.starts_at <= statement_timestamp())
        AND (e.expires_at IS NULL OR e.expires_at > statement_timestamp())
    JOIN acls_principal i ON i.tenant_id = %(tenant)s AND i.group_ptr_id = e.group_id
        AND i.is_active AND i.deleted_at IS NULL
    JOIN auth_permission perm ON perm.id = e.permission_id
)"""

# From the few principals that are named down to the people, not from the people up.
_CLASSES = f"""
WITH {_LINES}, named AS MATERIALIZED (
    SELECT DISTINCT p FROM written
), people AS MATERIALIZED (
    SELECT m.user_id, m.is_guest FROM tenants_membership m
    JOIN accounts_user u ON u.id = m.user_id AND u.is_active
    WHERE m.tenant_id = %(tenant)s AND m.is_active
), dynamic AS MATERIALIZED (
    SELECT d.group_ptr_id AS p, d.kind FROM acls_principal d
    WHERE d.tenant_id = %(tenant)s AND d.kind IN ('members', 'everyone')
        AND d.is_active AND d.deleted_at IS NULL
), reached AS MATERIALIZED (
    SELECT n.p, n.p AS held FROM named n
    UNION
    SELECT n.p, e.member_id FROM named n
    JOIN acls_closure k ON k.tenant_id = %(tenant)s AND k.ancestor_id = n.p
        AND (k.until IS NULL OR k.until > statement_timestamp())
    JOIN acls_edge e ON e.tenant_id = %(tenant)s AND e.group_id = k.group_id
        AND (e.expires_at IS NULL OR e.expires_at > statement_timestamp())
), sure AS (
    SELECT c.user_id, r.p FROM reached r
    JOIN acls_claim c ON c.tenant_id = %(tenant)s AND c.principal_id = r.held
        AND c.ended_at IS NULL
    JOIN acls_principal i ON i.tenant_id = %(tenant)s AND i.group_ptr_id = r.held
        AND i.is_active AND i.deleted_at IS NULL
    UNION
    SELECT o.user_id, r.p FROM reached r JOIN dynamic d ON d.p = r.held
    JOIN people o ON d.kind = 'everyone' OR NOT o.is_guest
    UNION
    -- Below zero: who had an identity that nobody has now is denied as it, and allowed by others.
    SELECT c.user_id, -r.p FROM reached r
    JOIN acls_claim c ON c.tenant_id = %(tenant)s AND c.principal_id = r.held
        AND c.ended_at IS NOT NULL
    JOIN acls_principal i ON i.tenant_id = %(tenant)s AND i.group_ptr_id = r.held
        AND i.is_active AND i.deleted_at IS NULL
    WHERE (SELECT count(*) FROM acls_claim o
            WHERE o.tenant_id = %(tenant)s AND o.principal_id = c.principal_id
                AND o.ended_at IS NULL) = 0
        AND (SELECT count(*) FROM acls_keptapart a
            WHERE a.tenant_id = %(tenant)s AND a.principal_id = c.principal_id
                AND a.user_id = c.user_id AND a.ended_at IS NULL) = 0
), signed AS (
    SELECT o.user_id, o.is_guest,
        coalesce(array_agg(s.p ORDER BY s.p) FILTER (WHERE s.p IS NOT NULL), '{{}}') AS mine
    FROM people o LEFT JOIN sure s ON s.user_id = o.user_id GROUP BY o.user_id, o.is_guest
)
SELECT mine, array_agg(user_id ORDER BY user_id),
    array_agg(user_id) FILTER (WHERE NOT is_guest) FROM signed GROUP BY mine
"""  # noqa: S608  put together from constants

_READABLE = f"""
WITH {_LINES}, mine AS (
    SELECT * FROM unnest(%(classes)s::int[], %(principals)s::bigint[]) m(class, p)
), unknown AS (
    SELECT DISTINCT k.ancestor_id AS p FROM acls_principal x
    JOIN acls_closure k ON k.tenant_id = x.tenant_id AND k.group_id = x.group_ptr_id
    WHERE x.tenant_id = %(tenant)s AND NOT x.members_known AND x.deleted_at IS NULL
        AND (k.until IS NULL OR k.until > statement_timestamp())
), hit AS (
    SELECT m.class, w.acl, w.distance::bigint * 65536 + w.rank AS rank
    FROM mine m JOIN written w ON w.p = m.p
    UNION ALL
    SELECT m.class, w.acl, w.distance::bigint * 65536 + w.rank
    FROM mine m JOIN written w ON w.p = -m.p AND w.rank %% 2 = 0
    UNION ALL
    SELECT c.class, w.acl, w.distance::bigint * 65536 + w.rank
    FROM unknown u JOIN written w ON w.p = u.p AND w.rank %% 2 = 0
    CROSS JOIN (SELECT generate_series(0, %(count)s - 1) AS class) c
), ok AS MATERIALIZED (
    SELECT class, acl FROM hit GROUP BY class, acl HAVING min(rank) %% 2 = 1
), readable AS (
    SELECT ok.class, c.policy_id FROM ok
    JOIN acls_policyclause c ON c.tenant_id = %(tenant)s AND c.acl_id = ok.acl
        AND c.policy_id = ANY (%(policies)s::bigint[])
    GROUP BY ok.class, c.policy_id, c.clause_count
    HAVING count(DISTINCT c.clause) = c.clause_count
)
SELECT class, array_agg(policy_id) FROM readable GROUP BY class
"""  # noqa: S608  put together from constants

_NOTHING: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Which policies admit whom, in one state of the database.

    Attributes:
        class_of: person -> class.
        full_members: people who are no guests.
        policies: class -> policies that admit it.
    """

    class_of: dict[int, int]
    full_members: frozenset[int]
    policies: dict[int, frozenset[int]]

    def of(self, of_class: int | None) -> frozenset[int]:
        """Return what admits a class; nothing for None."""
        return _NOTHING if of_class is None else self.policies.get(of_class, _NOTHING)


def policies_concerned(acls: Iterable[int] = (), principals: Iterable[int] = ()) -> set[int]:
    """Return the policies whose verdicts can follow from these ACLs or principals just now.

    Args:
        acls: whose entries, parent or mode change.
        principals: whose memberships change, or whether their members are known.
    """
    rows = _rows(_POLICIES_OF, acls=list(acls), principals=list(principals))
    return {int(pk) for (pk,) in rows}


def verdicts(policies: Collection[int]) -> Verdicts:
    """Return by which of these policies each active member may read now."""
    asked = sorted(policies)
    class_of: dict[int, int] = {}
    full: set[int] = set()
    mine: list[tuple[int, int]] = []
    found = _rows(_CLASSES, policies=asked)
    for number, (principals, users, full_members) in enumerate(found):
        class_of |= dict.fromkeys(users, number)
        full |= set(full_members or ())
        mine += [(number, principal) for principal in principals]
    readable = _rows(
        _READABLE,
        policies=asked,
        classes=[number for number, _ in mine],
        principals=[principal for _, principal in mine],
        count=len(found),
    )
    return Verdicts(class_of, frozenset(full), {c: frozenset(ids) for c, ids in readable})


def _rows(statement: str, **params: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params | {"tenant": required_tenant_id()})
        return list(cursor.fetchall())
