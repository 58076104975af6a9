"""How many documents wait behind identities of the sources that nobody holds yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

from apps.accounts.models import User
from apps.acls import people_matches, resolve
from apps.acls.binary import Ids
from apps.acls.models import Principal
from apps.documents.models import Document
from apps.tenants.context import required_tenant_id

# A page is shown without its numbers rather than late.
LONGEST_S: Final = 5

_LIVE = (
    "(e.starts_at IS NULL OR e.starts_at <= statement_timestamp())"
    " AND (e.expires_at IS NULL OR e.expires_at > statement_timestamp())"
)
# A lookup for each row, since a join would trust the statistics of a table that may be new.
_IS_ALIVE = """(SELECT live.is_active AND live.deleted_at IS NULL FROM acls_principal live
    WHERE live.tenant_id = %(tenant)s AND live.group_ptr_id = found.p)"""
_ALLOWS = """SELECT perm.id FROM auth_permission perm
    JOIN django_content_type type ON type.id = perm.content_type_id
    WHERE type.app_label = 'acls' AND type.model = 'acl' AND perm.codename = 'view_acl'"""

# What `acls.statement` computes for one person, here for many identities that are nobody yet: the
# identity itself and its groups (`own`), beside what every member is: all members and everyone, and
# for denials the unknown groups (`shared`). All have to be there, since of a policy's clauses some
# may be open to everyone. What a member reads without any identity is left out in the end.
#
# What was found on the way is never joined with itself, but counted together or laid beside each
# other by a window: the planner takes it for a handful of rows and would compare each with each.
#
# best    per identity and ACL the rank of the nearest, then least entry that names the identity or
#         its groups; odd ranks allow
# clause  the clauses of all policies that may be gained
# above   ranks of the entries for every member, on the ACLs of these clauses
# pair    `best` with the rank in `above`, if there is one
# part    per clause how many of its ACLs admit every member (`who` is null); then per identity, of
#         the ACLs that name it, how many admit it, and how many admit every member
# beside  the parts of identities beside those of every member
_BEHIND = f"""
WITH own AS MATERIALIZED (
    SELECT who, p FROM (
        SELECT i.group_ptr_id AS who, i.group_ptr_id AS p FROM acls_principal i
        WHERE i.tenant_id = %(tenant)s AND i.group_ptr_id = ANY (%(ids)s::bigint[])
            AND i.is_active AND i.deleted_at IS NULL
        UNION
        SELECT i.group_ptr_id, k.ancestor_id FROM acls_principal i
        JOIN acls_edge e ON e.tenant_id = %(tenant)s AND e.member_id = i.group_ptr_id
        JOIN acls_closure k ON k.tenant_id = e.tenant_id AND k.group_id = e.group_id
        WHERE i.tenant_id = %(tenant)s AND i.group_ptr_id = ANY (%(ids)s::bigint[])
            AND i.is_active AND i.deleted_at IS NULL
            AND (e.expires_at IS NULL OR e.expires_at > statement_timestamp())
            AND (k.until IS NULL OR k.until > statement_timestamp())
    ) found WHERE {_IS_ALIVE}
), dynamic AS (
    SELECT d.group_ptr_id AS id FROM acls_principal d
    WHERE d.tenant_id = %(tenant)s AND d.kind IN ('members', 'everyone')
        AND d.is_active AND d.deleted_at IS NULL
), shared AS MATERIALIZED (
    SELECT p, bool_or(sure) AS sure FROM (
        SELECT id AS p, true AS sure FROM dynamic
        UNION ALL
        SELECT k.ancestor_id, true FROM dynamic
        JOIN acls_edge e ON e.tenant_id = %(tenant)s AND e.member_id = dynamic.id
        JOIN acls_closure k ON k.tenant_id = e.tenant_id AND k.group_id = e.group_id
        WHERE (e.expires_at IS NULL OR e.expires_at > statement_timestamp())
            AND (k.until IS NULL OR k.until > statement_timestamp())
        UNION ALL
        SELECT k.ancestor_id, false FROM acls_principal x
        JOIN acls_closure k ON k.tenant_id = x.tenant_id AND k.group_id = x.group_ptr_id
        WHERE x.tenant_id = %(tenant)s AND NOT x.members_known AND x.deleted_at IS NULL
            AND (k.until IS NULL OR k.until > statement_timestamp())
    ) found WHERE {_IS_ALIVE} GROUP BY p
), allows AS MATERIALIZED ({_ALLOWS}
), hit AS MATERIALIZED (
    SELECT own.who, e.content_object_id AS acl, e.sticky,
        min(e.ord * 2 + (e.permission_id = (SELECT id FROM allows))::int) AS rank
    FROM own JOIN acls_aclentry e ON e.tenant_id = %(tenant)s AND e.group_id = own.p
    WHERE {_LIVE} GROUP BY own.who, e.content_object_id, e.sticky
), best AS MATERIALIZED (
    SELECT hit.who, l.acl_id AS acl, min(l.distance::bigint * 65536 + hit.rank) AS rank FROM hit
    JOIN acls_line l ON l.tenant_id = %(tenant)s AND l.ancestor_id = hit.acl
        AND (NOT l.cut OR hit.sticky)
    GROUP BY hit.who, l.acl_id
), clause AS MATERIALIZED (
    SELECT c.policy_id, c.clause, c.acl_id AS acl, c.clause_count FROM acls_policyclause c
    WHERE c.tenant_id = %(tenant)s AND c.policy_id IN (
        SELECT m.policy_id FROM acls_policyclause m WHERE m.tenant_id = %(tenant)s
            AND m.acl_id = ANY ((SELECT array_agg(acl) FROM best WHERE rank %% 2 = 1)::bigint[]))
), above AS MATERIALIZED (
    SELECT l.acl_id AS acl, min(l.distance::bigint * 65536 + e.ord * 2
        + (e.permission_id = (SELECT id FROM allows))::int) AS rank
    FROM acls_line l
    JOIN acls_aclentry e ON e.tenant_id = l.tenant_id AND e.content_object_id = l.ancestor_id
        AND (NOT l.cut OR e.sticky)
    WHERE l.tenant_id = %(tenant)s
        AND l.acl_id = ANY ((SELECT array_agg(DISTINCT acl) FROM clause)::bigint[])
        AND CASE WHEN e.permission_id = (SELECT id FROM allows)
            THEN e.group_id IN (SELECT p FROM shared WHERE sure)
            ELSE e.group_id IN (SELECT p FROM shared) END
        AND {_LIVE}
    GROUP BY l.acl_id
), pair AS MATERIALIZED (
    SELECT who, acl, rank, min(rank) FILTER (WHERE who IS NULL) OVER (PARTITION BY acl) AS above
    FROM (SELECT who, acl, rank FROM best UNION ALL SELECT NULL, acl, rank FROM above) both_kinds
), part AS MATERIALIZED (
    SELECT NULL AS who, policy_id, clause, clause_count, 0 AS mine,
        count(*) FILTER (WHERE acl IN (SELECT acl FROM above WHERE rank %% 2 = 1)) AS everybodys
    FROM clause GROUP BY policy_id, clause, clause_count
    UNION ALL
    SELECT pair.who, c.policy_id, c.clause, c.clause_count,
        count(*) FILTER (WHERE least(pair.rank, pair.above) %% 2 = 1),
        count(*) FILTER (WHERE pair.above %% 2 = 1)
    FROM pair JOIN acls_policyclause c ON c.tenant_id = %(tenant)s AND c.acl_id = pair.acl
    WHERE pair.who IS NOT NULL
    GROUP BY pair.who, c.policy_id, c.clause, c.clause_count
), beside AS (
    SELECT *, max(everybodys) FILTER (WHERE who IS NULL) OVER (PARTITION BY policy_id, clause)
            AS in_clause,
        count(*) FILTER (WHERE who IS NULL AND everybodys > 0) OVER (PARTITION BY policy_id)
            AS for_everybody
    FROM part
), gained AS MATERIALIZED (
    SELECT who, policy_id FROM beside WHERE who IS NOT NULL AND for_everybody < clause_count
    GROUP BY who, policy_id, clause_count, for_everybody
    HAVING for_everybody + sum((mine > 0 OR in_clause > everybodys)::int - (in_clause > 0)::int)
        = clause_count
), held AS (
    SELECT NULL AS who, d.policy_id, count(*) AS documents FROM documents_document d
    WHERE d.tenant_id = %(tenant)s AND d.deleted_at IS NULL
        AND d.policy_id IN (SELECT policy_id FROM gained)
    GROUP BY d.policy_id
    UNION ALL SELECT who, policy_id, 0 FROM gained
), counted AS (
    SELECT who, sum(documents) OVER (PARTITION BY policy_id) AS documents FROM held
)
SELECT who, sum(documents)::bigint FROM counted WHERE who IS NOT NULL GROUP BY who
"""  # noqa: S608  put together from constants

# An order, not a count: each place where an identity or a group of its is allowed weighs as many
# documents as lie under it, whoever is denied there and however often a document is met. So a place
# is weighed once, for all identities together.
_LARGEST_FIRST = f"""
WITH who AS MATERIALIZED (
    SELECT unnest(%(ids)s::bigint[]) AS id
), direct AS MATERIALIZED (
    SELECT w.id, e.group_id FROM who w
    JOIN acls_edge e ON e.tenant_id = %(tenant)s AND e.member_id = w.id
    WHERE e.expires_at IS NULL OR e.expires_at > statement_timestamp()
), reached AS MATERIALIZED (
    SELECT k.group_id, k.ancestor_id FROM acls_closure k
    WHERE k.tenant_id = %(tenant)s AND k.group_id IN (SELECT group_id FROM direct)
), held AS MATERIALIZED (
    SELECT d.policy_id, count(*) AS documents FROM documents_document d
    WHERE d.tenant_id = %(tenant)s AND d.deleted_at IS NULL GROUP BY d.policy_id
), place AS MATERIALIZED (
    SELECT c.acl_id, sum(h.documents) AS documents FROM held h
    JOIN acls_policyclause c ON c.tenant_id = %(tenant)s AND c.policy_id = h.policy_id
    GROUP BY c.acl_id
), weight AS MATERIALIZED (
    SELECT e.group_id AS p, sum(p.documents) AS documents
    FROM acls_aclentry e
    JOIN acls_line l ON l.tenant_id = %(tenant)s AND l.ancestor_id = e.content_object_id
        AND (NOT l.cut OR e.sticky)
    JOIN place p ON p.acl_id = l.acl_id
    WHERE e.tenant_id = %(tenant)s AND e.permission_id = ({_ALLOWS}) AND {_LIVE}
        AND e.group_id IN (SELECT id FROM who UNION SELECT ancestor_id FROM reached)
    GROUP BY e.group_id
), by_group AS MATERIALIZED (
    SELECT r.group_id, sum(w.documents) AS documents
    FROM reached r JOIN weight w ON w.p = r.ancestor_id GROUP BY r.group_id
), total AS (
    SELECT who.id, w.documents FROM who JOIN weight w ON w.p = who.id
    UNION ALL
    SELECT d.id, g.documents FROM direct d JOIN by_group g ON g.group_id = d.group_id
)
SELECT who.id FROM who LEFT JOIN (SELECT id, sum(documents) AS documents FROM total GROUP BY id) t
    ON t.id = who.id
ORDER BY coalesce(t.documents, 0) DESC, who.id LIMIT %(limit)s OFFSET %(offset)s
"""  # noqa: S608  put together from constants


@dataclass(frozen=True, slots=True)
class Effect:
    """What a match would do to a person: how many documents are gained, and lost to a denial."""

    gained: int
    lost: int


def behind(ids: Sequence[int]) -> dict[int, int] | None:
    """Return how many live documents each identity opens to a member who is nobody there yet.

    Those included that other people read too, but for what all members read anyway.

    Args:
        ids: of principals of kind user; a page of them, at most a hundred.

    Returns:
        id -> documents, 0 for none; None when counting takes longer than `LONGEST_S`.
    """
    if not ids:
        return {}
    rows = _within_time(_BEHIND, {"ids": list(ids)})
    return None if rows is None else dict.fromkeys(ids, 0) | dict(rows)


def largest_first(ids: Sequence[int], *, limit: int, offset: int = 0) -> list[int]:
    """Return a page of identities, those first behind which most lies, as far as a glance tells.

    Where even that takes longer than `LONGEST_S`, they come in the order they were given.
    """
    params = {"ids": list(ids), "limit": limit, "offset": offset}
    rows = _within_time(_LARGEST_FIRST, params) if ids else []
    return list(ids[offset : offset + limit]) if rows is None else [int(row[0]) for row in rows]


def effect_of_match(*, principal: Principal, user: User, actor: User) -> Effect:
    """Return what a match would change for a person: it is made, measured, and taken back.

    Raises:
        InvalidInput: the match is not possible; the message says why.
    """
    with transaction.atomic():
        before = resolve.compute(user).ids
        try:
            people_matches.match(principal=principal, user=user, actor=actor)
            after = resolve.compute(user).ids
        finally:
            transaction.set_rollback(True)
    gained, lost = np.setdiff1d(after, before), np.setdiff1d(before, after)
    return Effect(gained=_documents(gained), lost=_documents(lost))


def _documents(policy_ids: Ids) -> int:
    if not len(policy_ids):
        return 0
    return Document.objects.live().filter(policy_id__in=policy_ids.tolist()).count()


def _within_time(
    statement: str, params: dict[str, Any], *, longest_s: float = LONGEST_S
) -> list[tuple[Any, ...]] | None:
    """Run a statement that only reads; None when it was stopped for taking too long."""
    limit = f"{longest_s * 1000:.0f}ms"
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('statement_timeout')")
            usual = cursor.fetchone()[0]
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [limit])
            cursor.execute(statement, params | {"tenant": required_tenant_id()})
            rows = list(cursor.fetchall())
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [usual])
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            return None
        raise
    return rows
