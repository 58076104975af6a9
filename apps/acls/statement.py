"""The readable set as one SQL statement, and the guard that proves a cached one still true.

Parameters start with `scope_`, so that the text can stand inside anybody's statement.
"""

from __future__ import annotations

from typing import Final

from apps.acls.freshness import ATTENDED_UNTIL, COUNTS_UNTIL, IS_STALE

# A set is never older than this, whatever it holds.
LONGEST_LIFE: Final = "10 min"

# Which run of which database gives the tenant's transaction ids their meaning. The timeline is
# read from the write-ahead log; on a standby, whose snapshots must not be trusted, asking fails.
# The server's start tells apart a data folder that was copied back while the server was down: it
# is the same in all else, and counts its transactions a second time.
INCARNATION: Final = """place.incarnation
    || ':' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)
    || ':' || (SELECT oid FROM pg_database WHERE datname = current_database())
    || ':' || (SELECT system_identifier FROM pg_control_system())
    || ':' || extract(epoch FROM pg_postmaster_start_time())"""

# The positive anchor: with no tenant bound, row-level security hides `place`, and nothing passes.
MEMBER: Final = """acls_placement place
    JOIN tenants_tenant ON tenants_tenant.id = place.tenant_id AND tenants_tenant.is_active
    JOIN tenants_membership member ON member.tenant_id = place.tenant_id
        AND member.user_id = %(scope_user)s::bigint AND member.is_active
    JOIN accounts_user ON accounts_user.id = member.user_id AND accounts_user.is_active
    WHERE place.tenant_id = %(scope_tenant)s::bigint
        AND current_setting('transaction_isolation') = 'read committed'"""

# stale  realms whose permissions were confirmed too long ago; realms without a connection are
#        Kenward's own, and never stale
# aged   groups of stale realms: they and whatever holds them can deny, and nobody is in by them
# held   identities the person has claimed, and dynamic principals that follow from membership
# former identities the person had and nobody has: by giving one up nobody sheds what denies it
# me     principals the person is (`sure`), or is counted as for denials, since members are unknown
#        or they were that
# hit    per ACL and stickiness the least rank of a live entry that matches; odd ranks allow
# ok     ACLs of other than stale realms on whose line the nearest, then least entry allows
PRINCIPALS: Final = f"""stale AS MATERIALIZED (
    SELECT source.realm FROM connections_connection source
    JOIN acls_placement place ON place.tenant_id = source.tenant_id
    WHERE source.tenant_id = %(scope_tenant)s::bigint AND {IS_STALE}
), aged AS MATERIALIZED (
    SELECT g.group_ptr_id AS id, g.deleted_at IS NULL AS is_there FROM acls_principal g
    WHERE g.tenant_id = %(scope_tenant)s::bigint AND g.realm IN (SELECT realm FROM stale)
        AND g.kind IN ('group', 'domain')
), held AS (
    SELECT i.group_ptr_id AS p, i.is_active AND i.deleted_at IS NULL AS live
    FROM acls_claim c
    JOIN acls_principal i ON i.tenant_id = c.tenant_id AND i.group_ptr_id = c.principal_id
    WHERE c.tenant_id = %(scope_tenant)s::bigint AND c.user_id = %(scope_user)s::bigint
        AND c.ended_at IS NULL
    UNION ALL
    SELECT d.group_ptr_id, d.is_active AND d.deleted_at IS NULL
    FROM acls_principal d
    JOIN tenants_membership m ON m.tenant_id = d.tenant_id
        AND m.user_id = %(scope_user)s::bigint AND m.is_active
    WHERE d.tenant_id = %(scope_tenant)s::bigint AND d.kind IN ('members', 'everyone')
        AND (d.kind = 'everyone' OR NOT m.is_guest)
), former AS MATERIALIZED (
    SELECT DISTINCT c.principal_id AS p, (SELECT count(*) FROM acls_claim o
            WHERE o.tenant_id = c.tenant_id AND o.principal_id = c.principal_id
                AND o.ended_at IS NULL) = 0
        AND (SELECT count(*) FROM acls_keptapart a
            WHERE a.tenant_id = c.tenant_id AND a.principal_id = c.principal_id
                AND a.user_id = c.user_id AND a.ended_at IS NULL) = 0
        AND (SELECT i.is_active AND i.deleted_at IS NULL FROM acls_principal i
            WHERE i.tenant_id = c.tenant_id AND i.group_ptr_id = c.principal_id) AS denies
    FROM acls_claim c
    WHERE c.tenant_id = %(scope_tenant)s::bigint AND c.user_id = %(scope_user)s::bigint
        AND c.ended_at IS NOT NULL
), found AS (
    SELECT p, live AS sure, 'infinity'::timestamptz AS until FROM held
    UNION ALL
    SELECT k.ancestor_id, true,
        least(coalesce(e.expires_at, 'infinity'), coalesce(k.until, 'infinity'))
    FROM held
    JOIN acls_edge e ON e.tenant_id = %(scope_tenant)s::bigint AND e.member_id = held.p
    JOIN acls_closure k ON k.tenant_id = e.tenant_id AND k.group_id = e.group_id
    WHERE held.live AND (e.expires_at IS NULL OR e.expires_at > statement_timestamp())
        AND (k.until IS NULL OR k.until > statement_timestamp())
        AND NOT (SELECT EXISTS (SELECT FROM aged))
    UNION ALL
    -- The closure does not say through which groups it leads.
    SELECT p, true, until FROM (
        WITH RECURSIVE way AS (
            SELECT e.group_id AS p, coalesce(e.expires_at, 'infinity') AS until
            FROM held
            JOIN acls_edge e ON e.tenant_id = %(scope_tenant)s::bigint AND e.member_id = held.p
            WHERE (SELECT EXISTS (SELECT FROM aged)) AND held.live
                AND (e.expires_at IS NULL OR e.expires_at > statement_timestamp())
                AND e.group_id NOT IN (SELECT id FROM aged)
            UNION
            SELECT e.group_id, least(way.until, coalesce(e.expires_at, 'infinity'))
            FROM way
            JOIN acls_edge e ON e.tenant_id = %(scope_tenant)s::bigint AND e.member_id = way.p
            WHERE (e.expires_at IS NULL OR e.expires_at > statement_timestamp())
                AND e.group_id NOT IN (SELECT id FROM aged)
        ) SELECT p, until FROM way) walked
    UNION ALL
    SELECT k.ancestor_id, false, 'infinity'
    FROM aged JOIN acls_closure k ON k.tenant_id = %(scope_tenant)s::bigint
        AND k.group_id = aged.id
    WHERE aged.is_there AND (k.until IS NULL OR k.until > statement_timestamp())
    UNION ALL
    SELECT k.ancestor_id, false, 'infinity'
    FROM acls_principal x
    JOIN acls_closure k ON k.tenant_id = x.tenant_id AND k.group_id = x.group_ptr_id
    WHERE x.tenant_id = %(scope_tenant)s::bigint AND NOT x.members_known
        AND x.deleted_at IS NULL AND (k.until IS NULL OR k.until > statement_timestamp())
    UNION ALL
    SELECT p, false, 'infinity' FROM former WHERE denies
    UNION ALL
    SELECT k.ancestor_id, false, 'infinity'
    FROM former
    JOIN acls_edge e ON e.tenant_id = %(scope_tenant)s::bigint AND e.member_id = former.p
    JOIN acls_closure k ON k.tenant_id = e.tenant_id AND k.group_id = e.group_id
    WHERE former.denies AND (e.expires_at IS NULL OR e.expires_at > statement_timestamp())
        AND (k.until IS NULL OR k.until > statement_timestamp())
), me AS MATERIALIZED (
    SELECT p, bool_or(sure) AS sure, max(until) FILTER (WHERE sure) AS until
    FROM found GROUP BY p
), allows AS MATERIALIZED (
    SELECT perm.id FROM auth_permission perm
    JOIN django_content_type type ON type.id = perm.content_type_id
    WHERE type.app_label = 'acls' AND type.model = 'acl' AND perm.codename = 'view_acl'
), matching AS (
    SELECT e.*, e.permission_id = (SELECT id FROM allows) AS allow, me.until
    FROM me
    JOIN acls_principal live ON live.tenant_id = %(scope_tenant)s::bigint
        AND live.group_ptr_id = me.p AND live.is_active AND live.deleted_at IS NULL
    JOIN acls_aclentry e ON e.tenant_id = live.tenant_id AND e.group_id = me.p
        AND (me.sure OR e.permission_id <> (SELECT id FROM allows))
    WHERE e.expires_at IS NULL OR e.expires_at > statement_timestamp()
)"""  # noqa: S608  put together from constants

_POLICIES: Final = """hit AS MATERIALIZED (
    SELECT content_object_id AS acl, sticky, min(ord * 2 + allow::int) AS rank,
        min(least(until, expires_at)) AS until
    FROM matching WHERE starts_at IS NULL OR starts_at <= statement_timestamp()
    GROUP BY content_object_id, sticky
), aged_acl AS MATERIALIZED (
    SELECT a.id FROM acls_acl a
    WHERE a.tenant_id = %(scope_tenant)s::bigint AND a.realm IN (SELECT realm FROM stale)
), ok AS MATERIALIZED (
    SELECT l.acl_id AS acl FROM hit
    JOIN acls_line l ON l.tenant_id = %(scope_tenant)s::bigint AND l.ancestor_id = hit.acl
        AND (NOT l.cut OR hit.sticky)
    GROUP BY l.acl_id HAVING min(l.distance::bigint * 65536 + hit.rank) %% 2 = 1
        AND (NOT (SELECT EXISTS (SELECT FROM stale))
            OR l.acl_id NOT IN (SELECT id FROM aged_acl))
), readable AS (
    SELECT c.policy_id AS id, c.ordinal FROM acls_policyclause c
    -- One pass over the index: joined, each of many ACLs would be looked up by itself.
    WHERE c.tenant_id = %(scope_tenant)s::bigint
        AND c.acl_id = ANY ((SELECT array_agg(acl) FROM ok)::bigint[])
    GROUP BY c.policy_id, c.clause_count, c.ordinal HAVING count(DISTINCT c.clause) = c.clause_count
)"""

_READABLE: Final = "coalesce((SELECT array_agg(id) FROM readable), '{}'::bigint[])"
_ARRAYS: Final = """arrays AS MATERIALIZED (
    SELECT coalesce(array_agg(id), '{}'::bigint[]) AS ids,
        coalesce(array_agg(ordinal::bigint), '{}'::bigint[]) AS ordinals
    FROM readable
)"""

# What a log row must name to concern this person. A former identity denies again when whoever has
# it now gives it up.
_NAMES: Final = """array_cat(
        (SELECT array_agg(p) FROM (SELECT p FROM me UNION SELECT p FROM former) named),
        ARRAY[0, -%(scope_user)s::bigint])"""

# When the next realm goes stale by itself. That one is fresh again, a trigger logs.
_NEXT_STALE: Final = f"""(SELECT min(lapses) FROM connections_connection source
        JOIN acls_placement place ON place.tenant_id = source.tenant_id
        CROSS JOIN LATERAL (VALUES ({ATTENDED_UNTIL}), (CASE WHEN source.when_stale <> 'check'
            THEN {COUNTS_UNTIL} END)) moment(lapses)
        WHERE source.tenant_id = %(scope_tenant)s::bigint AND lapses > statement_timestamp())"""  # noqa: S608

# The set together with its label. The snapshot stands in the same statement, so it is the one that
# the set was computed in. It leaves out the own transaction, whose changes before and after would
# look alike once it has committed: so a set made in a transaction that writes is not to be kept.
# No row: the person does not belong to the tenant.
LABELLED_SET: Final = f"""WITH {PRINCIPALS}, {_POLICIES}, {_ARRAYS}, label AS MATERIALIZED (
    SELECT {_NAMES} AS names
)
SELECT {INCARNATION} AS incarnation, pg_current_snapshot()::text AS snapshot, label.names,
    statement_timestamp() AS computed_at,
    least((SELECT min(until) FROM hit),
        (SELECT min(starts_at) FROM matching WHERE starts_at > statement_timestamp()),
        {_NEXT_STALE},
        statement_timestamp() + interval '{LONGEST_LIFE}') AS valid_until,
    pg_current_xact_id_if_assigned() IS NULL AS committed, arrays.ids, arrays.ordinals
FROM label, arrays, {MEMBER}"""  # noqa: S608  put together from constants

# The same inside somebody's statement: computed there and then, so nothing has to be proved.
INLINE: Final = f"""WITH {PRINCIPALS}, {_POLICIES}
SELECT EXISTS (SELECT FROM {MEMBER}) AS ok, {_READABLE} AS ids"""  # noqa: S608  constants

_UNSEEN: Final = """SELECT FROM acls_permissionchange c
    WHERE c.tenant_id = %(scope_tenant)s::bigint
        AND c.principal_id = ANY (%(scope_names)s::bigint[])
        AND c.xid >= pg_snapshot_xmin(%(scope_snapshot)s::pg_snapshot)
        AND NOT pg_visible_in_snapshot(c.xid, %(scope_snapshot)s::pg_snapshot)"""

# True while nothing that concerns the person has committed since the set was computed.
GUARD: Final = f"""(EXISTS (SELECT FROM {MEMBER}
        AND {INCARNATION} = %(scope_incarnation)s
        AND place.floor_xid <= pg_snapshot_xmin(%(scope_snapshot)s::pg_snapshot)
        AND statement_timestamp() < %(scope_valid_until)s::timestamptz)
    AND NOT EXISTS ({_UNSEEN} AND c.exact))"""

GUARDED: Final = f"SELECT {GUARD} AS ok, %(scope_ids)s::bigint[] AS ids"

# True when something may have widened since: worth computing again, not needed for safety.
BEHIND: Final = f"SELECT EXISTS ({_UNSEEN} AND NOT c.exact)"
