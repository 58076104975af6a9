"""Which of many (person, policy) pairs are admitted now: one statement for a whole batch.

It says what `statement.py` says, restricted to the asked people and policies: instead of all that
one person may read it starts from the entries on the lines of the asked policies.
"""

from __future__ import annotations

from typing import Any, Final

from apps.acls import binary
from apps.acls.freshness import IS_STALE
from apps.tenants.context import required_tenant_id

# Who is asked about: people who belong here and are let in at all. A lookup for each; `user_id`
# comes from `asked`, which the caller puts in front.
MEMBER: Final = """(
        SELECT m.is_guest FROM tenants_membership m
        WHERE m.tenant_id = %(scope_tenant)s::bigint AND m.user_id = asked.user_id AND m.is_active
            AND (SELECT u.is_active FROM accounts_user u WHERE u.id = asked.user_id)
            AND (SELECT t.is_active FROM tenants_tenant t WHERE t.id = %(scope_tenant)s::bigint)
            AND EXISTS (
                SELECT FROM acls_placement p WHERE p.tenant_id = %(scope_tenant)s::bigint)
        OFFSET 0) member"""

# Lookups by index are LATERAL with OFFSET 0, and `joining` rules other nested loops out: how many
# rows lie in between cannot be estimated, and row by row a batch would take seconds.
#
# pair      n, user_id, is_guest, policy_id: made by the caller
# line      the places along which the asked ACLs are decided; `granted`: the entries there
# rule      entries along the lines of the asked ACLs, nearest and least first; odd ranks allow
# held      identities the asked people have claimed, and dynamic principals that they are
# direct    groups they are directly in; `reach`: groups from which a named principal is reached
# sure      which of the principals that the rules name each person is
# unsure    which of them may hold anybody
# candidate pairs and the rules that could decide them; `matching`: those that do concern the person
# former    identities the asked people had and nobody has; `doubt`: what these lead to
# admitted  n of the pairs all of whose clauses have an ACL that lets the person in
ADMITTED: Final = f"""stale AS MATERIALIZED (
    SELECT source.realm FROM connections_connection source
    JOIN acls_placement place ON place.tenant_id = source.tenant_id
    WHERE source.tenant_id = %(scope_tenant)s::bigint AND {IS_STALE}
), aged AS MATERIALIZED (
    SELECT g.group_ptr_id AS id, g.deleted_at IS NULL AS is_there FROM acls_principal g
    WHERE g.tenant_id = %(scope_tenant)s::bigint AND g.realm IN (SELECT realm FROM stale)
        AND g.kind IN ('group', 'domain')
), wanted AS MATERIALIZED (
    SELECT c.policy_id, c.clause, c.clause_count, c.acl_id
    FROM (SELECT DISTINCT policy_id FROM pair) p CROSS JOIN LATERAL (
        SELECT c.policy_id, c.clause, c.clause_count, c.acl_id, (
            SELECT a.realm FROM acls_acl a WHERE a.tenant_id = c.tenant_id AND a.id = c.acl_id
        ) AS realm
        FROM acls_policyclause c
        WHERE c.tenant_id = %(scope_tenant)s::bigint AND c.policy_id = p.policy_id OFFSET 0) c
    WHERE (c.realm IN (SELECT realm FROM stale)) IS FALSE
), line AS MATERIALIZED (
    SELECT l.acl_id, l.ancestor_id, l.distance, l.cut
    FROM (SELECT DISTINCT acl_id FROM wanted) w CROSS JOIN LATERAL (
        SELECT l.acl_id, l.ancestor_id, l.distance, l.cut FROM acls_line l
        WHERE l.tenant_id = %(scope_tenant)s::bigint AND l.acl_id = w.acl_id OFFSET 0) l
), granted AS MATERIALIZED (
    SELECT e.acl, e.p, e.sticky, e.ord, e.permission_id = (
            SELECT perm.id FROM auth_permission perm
            JOIN django_content_type type ON type.id = perm.content_type_id
            WHERE type.app_label = 'acls' AND type.model = 'acl' AND perm.codename = 'view_acl'
        ) AS allow
    FROM (SELECT DISTINCT ancestor_id FROM line) l CROSS JOIN LATERAL (
        SELECT e.content_object_id AS acl, e.group_id AS p, e.sticky, e.ord, e.permission_id
        FROM acls_aclentry e
        WHERE e.tenant_id = %(scope_tenant)s::bigint AND e.content_object_id = l.ancestor_id
            AND (e.starts_at IS NULL OR e.starts_at <= statement_timestamp())
            AND (e.expires_at IS NULL OR e.expires_at > statement_timestamp()) OFFSET 0) e
), target AS MATERIALIZED (
    SELECT named.p FROM (SELECT DISTINCT p FROM granted) named CROSS JOIN LATERAL (
        SELECT FROM acls_principal live
        WHERE live.tenant_id = %(scope_tenant)s::bigint AND live.group_ptr_id = named.p
            AND live.is_active AND live.deleted_at IS NULL OFFSET 0) live
), rule AS MATERIALIZED (
    SELECT line.acl_id, g.p, g.allow,
        line.distance::bigint * 65536 + g.ord * 2 + g.allow::int AS rank
    FROM line JOIN granted g ON g.acl = line.ancestor_id AND (NOT line.cut OR g.sticky)
    WHERE g.p IN (SELECT p FROM target)
), who AS MATERIALIZED (
    SELECT DISTINCT user_id, is_guest FROM pair
), held AS MATERIALIZED (
    SELECT who.user_id, i.p
    FROM who CROSS JOIN LATERAL (
        SELECT c.principal_id AS p FROM acls_claim c
        WHERE c.tenant_id = %(scope_tenant)s::bigint AND c.user_id = who.user_id
            AND c.ended_at IS NULL OFFSET 0) c
    CROSS JOIN LATERAL (
        SELECT c.p FROM acls_principal i
        WHERE i.tenant_id = %(scope_tenant)s::bigint AND i.group_ptr_id = c.p
            AND i.is_active AND i.deleted_at IS NULL OFFSET 0) i
    UNION ALL
    SELECT who.user_id, d.group_ptr_id
    FROM (
        SELECT group_ptr_id, kind FROM acls_principal
        WHERE tenant_id = %(scope_tenant)s::bigint AND kind IN ('members', 'everyone')
            AND is_active AND deleted_at IS NULL) d
    CROSS JOIN who WHERE d.kind = 'everyone' OR NOT who.is_guest
), former AS MATERIALIZED (
    SELECT who.user_id, c.p
    FROM who CROSS JOIN LATERAL (
        SELECT c.principal_id AS p FROM acls_claim c
        WHERE c.tenant_id = %(scope_tenant)s::bigint AND c.user_id = who.user_id
            AND c.ended_at IS NOT NULL
            AND (SELECT count(*) FROM acls_claim o
                WHERE o.tenant_id = c.tenant_id AND o.principal_id = c.principal_id
                    AND o.ended_at IS NULL) = 0
            AND (SELECT count(*) FROM acls_keptapart a
                WHERE a.tenant_id = c.tenant_id AND a.principal_id = c.principal_id
                    AND a.user_id = c.user_id AND a.ended_at IS NULL) = 0
            AND (SELECT i.is_active AND i.deleted_at IS NULL FROM acls_principal i
                WHERE i.tenant_id = c.tenant_id AND i.group_ptr_id = c.principal_id)
        OFFSET 0) c
), direct AS MATERIALIZED (
    SELECT held.user_id, e.group_id
    FROM held CROSS JOIN LATERAL (
        SELECT e.group_id FROM acls_edge e
        WHERE e.tenant_id = %(scope_tenant)s::bigint AND e.member_id = held.p
            AND (e.expires_at IS NULL OR e.expires_at > statement_timestamp()) OFFSET 0) e
), reach AS MATERIALIZED (
    SELECT k.group_id, k.ancestor_id
    FROM target CROSS JOIN LATERAL (
        SELECT k.group_id, k.ancestor_id FROM acls_closure k
        WHERE k.tenant_id = %(scope_tenant)s::bigint AND k.ancestor_id = target.p
            AND (k.until IS NULL OR k.until > statement_timestamp()) OFFSET 0) k
), sure AS MATERIALIZED (
    SELECT user_id, p FROM held
    UNION ALL
    SELECT direct.user_id, reach.ancestor_id
    FROM direct JOIN reach ON reach.group_id = direct.group_id
    WHERE NOT (SELECT EXISTS (SELECT FROM aged))
    UNION ALL
    SELECT user_id, p FROM (
        WITH RECURSIVE way AS (
            SELECT direct.user_id, direct.group_id AS p FROM direct
            WHERE (SELECT EXISTS (SELECT FROM aged)) AND group_id NOT IN (SELECT id FROM aged)
            UNION
            SELECT way.user_id, e.group_id
            FROM way
            JOIN acls_edge e ON e.tenant_id = %(scope_tenant)s::bigint AND e.member_id = way.p
            WHERE e.group_id NOT IN (SELECT id FROM aged)
                AND (e.expires_at IS NULL OR e.expires_at > statement_timestamp())
        ) SELECT user_id, p FROM way) walked
), doubt AS MATERIALIZED (
    SELECT user_id, p FROM former
    UNION ALL
    SELECT former.user_id, reach.ancestor_id
    FROM former CROSS JOIN LATERAL (
        SELECT e.group_id FROM acls_edge e
        WHERE e.tenant_id = %(scope_tenant)s::bigint AND e.member_id = former.p
            AND (e.expires_at IS NULL OR e.expires_at > statement_timestamp()) OFFSET 0) e
    JOIN reach ON reach.group_id = e.group_id
), unsure AS MATERIALIZED (
    SELECT DISTINCT reach.ancestor_id AS p FROM reach JOIN (
        SELECT x.group_ptr_id AS id FROM acls_principal x
        WHERE x.tenant_id = %(scope_tenant)s::bigint AND NOT x.members_known
            AND x.deleted_at IS NULL
        UNION ALL SELECT id FROM aged WHERE is_there) u ON u.id = reach.group_id
), candidate AS MATERIALIZED (
    SELECT pair.n, pair.user_id, w.clause, w.clause_count, w.acl_id, rule.p, rule.allow, rule.rank
    FROM pair
    JOIN wanted w ON w.policy_id = pair.policy_id
    JOIN rule ON rule.acl_id = w.acl_id
), matching AS (
    SELECT c.n, c.clause, c.clause_count, c.acl_id, c.rank
    FROM candidate c JOIN sure ON sure.user_id = c.user_id AND sure.p = c.p
    UNION ALL
    SELECT c.n, c.clause, c.clause_count, c.acl_id, c.rank
    FROM candidate c JOIN unsure ON unsure.p = c.p WHERE NOT c.allow
    UNION ALL
    SELECT c.n, c.clause, c.clause_count, c.acl_id, c.rank
    FROM candidate c JOIN doubt ON doubt.user_id = c.user_id AND doubt.p = c.p WHERE NOT c.allow
), allowed AS (
    SELECT n, clause, clause_count FROM matching
    GROUP BY n, clause, clause_count, acl_id HAVING min(rank) %% 2 = 1
), admitted AS MATERIALIZED (
    SELECT n FROM allowed GROUP BY n, clause_count HAVING count(DISTINCT clause) = clause_count
)"""  # noqa: S608  put together from constants

_ADMITS: Final = f"""
WITH pair AS MATERIALIZED (
    SELECT asked.n, asked.user_id, asked.policy_id, member.is_guest
    FROM unnest(%(users)s::bigint[], %(policies)s::bigint[])
        WITH ORDINALITY AS asked(user_id, policy_id, n)
    CROSS JOIN LATERAL {MEMBER}
), {ADMITTED}
SELECT n FROM admitted
"""  # noqa: S608  put together from constants


def joining(statement: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Run a statement over `ADMITTED` and return its rows.

    Args:
        statement: names the CTEs of `ADMITTED`.
        params: of the statement, `scope_tenant` among them.
    """
    with binary.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop = off")
        rows = cursor.execute(statement, params).fetchall()
        cursor.execute("SET LOCAL enable_nestloop TO DEFAULT")
        return rows


def admits_many(pairs: list[tuple[int, int]]) -> list[bool]:
    """Return, in the order of the pairs, whether each policy admits each person now.

    Args:
        pairs: a person's id and a policy's id; of the bound tenant.
    """
    params: dict[str, Any] = {
        "scope_tenant": required_tenant_id(),
        "users": [user for user, _ in pairs],
        "policies": [policy for _, policy in pairs],
    }
    found = {row[0] for row in joining(_ADMITS, params)}
    return [n in found for n in range(1, len(pairs) + 1)]
