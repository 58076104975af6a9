"""What the database itself keeps true: closure, lines, the change log and the view of groups.

It is kept here and not in Python, because a single writer that forgets it would leave access open.
Differences are taken by EXCEPT, and by NOT IN on columns that are never null: PostgreSQL hashes or
sorts for these, whatever it believes of the tables' sizes. It may do joins and NOT EXISTS row by row,
for minutes, on a table that is new, or that was small when the function's plan was made.
"""

from __future__ import annotations

from django.db import migrations

NESTING = "('group', 'domain')"

# The only groups are principals of sources, and a synced group with a model-wide permission would
# give it to all its members.
NO_MODEL_WIDE_PERMISSIONS = """
ALTER TABLE auth_group_permissions
    ADD CONSTRAINT principals_carry_no_model_wide_permissions CHECK (false);
"""

# Django's index on the tenant alone says nothing that the tenant-first keys do not, and on a new
# table, whose statistics are empty, PostgreSQL may take it for the whole of a composite key.
NO_INDEX_ON_THE_TENANT_ALONE = """
DO $$ DECLARE superfluous regclass; BEGIN
    FOR superfluous IN
        SELECT i.indexrelid FROM pg_index i
        JOIN pg_class t ON t.oid = i.indrelid
        JOIN pg_attribute a ON a.attrelid = t.oid AND a.attname = 'tenant_id'
        WHERE t.relname LIKE 'acls\\_%' AND t.relkind = 'r' AND t.relnamespace = 'public'::regnamespace
            AND i.indnatts = 1 AND i.indkey[0] = a.attnum AND i.indpred IS NULL AND NOT i.indisunique
    LOOP
        EXECUTE 'DROP INDEX ' || superfluous;
    END LOOP;
END $$;
"""

USER_GROUPS = """
CREATE VIEW acls_user_group WITH (security_invoker = true) AS
SELECT c.user_id, c.principal_id AS group_id
FROM acls_claim c
JOIN acls_principal i ON i.tenant_id = c.tenant_id AND i.group_ptr_id = c.principal_id
WHERE c.ended_at IS NULL AND i.is_active AND i.deleted_at IS NULL
UNION
SELECT c.user_id, k.ancestor_id
FROM acls_claim c
JOIN acls_principal i ON i.tenant_id = c.tenant_id AND i.group_ptr_id = c.principal_id
JOIN acls_edge e ON e.tenant_id = c.tenant_id AND e.member_id = c.principal_id
JOIN acls_closure k ON k.tenant_id = c.tenant_id AND k.group_id = e.group_id
JOIN acls_principal g ON g.tenant_id = c.tenant_id AND g.group_ptr_id = k.ancestor_id
WHERE c.ended_at IS NULL AND i.is_active AND i.deleted_at IS NULL
    AND g.is_active AND g.deleted_at IS NULL
    AND (e.expires_at IS NULL OR e.expires_at > statement_timestamp())
    AND (k.until IS NULL OR k.until > statement_timestamp());
"""

# A lookup for each row: a join would trust the statistics of a table that may be new.
MEMBER_NESTS = """(SELECT m.kind FROM acls_principal m
            WHERE m.tenant_id = r.tenant_id AND m.group_ptr_id = r.member_id) IN {nesting}"""

# Whatever changes about a group's closure lies on a path whose first changed edge starts at a
# group that the old closure reaches: so the sources found through the old closure are all there are.
CLOSURE = """
CREATE FUNCTION acls_refresh_closure(bound bigint, changed bigint[]) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    -- One writer of a tenant's group graph at a time; the statement below sees what the last left.
    PERFORM pg_advisory_xact_lock(hashtextextended('acls.closure:' || bound, 0));
    WITH RECURSIVE sources AS MATERIALIZED (
        SELECT DISTINCT group_id AS source FROM acls_closure
        WHERE tenant_id = bound AND ancestor_id = ANY (changed)
    ), walk AS (
        SELECT source, source AS node, 'infinity'::timestamptz AS until FROM sources
        UNION
        SELECT w.source, e.group_id, least(w.until, coalesce(e.expires_at, 'infinity'))
        FROM walk w JOIN acls_edge e ON e.tenant_id = bound AND e.member_id = w.node
    ), best AS MATERIALIZED (
        SELECT source, node, nullif(max(until), 'infinity') AS until FROM walk GROUP BY source, node
    ), gone AS (
        DELETE FROM acls_closure k
        WHERE k.tenant_id = bound AND k.group_id IN (SELECT source FROM sources)
            AND (k.group_id, k.ancestor_id) NOT IN (SELECT source, node FROM best)
    )
    INSERT INTO acls_closure AS k (tenant_id, group_id, ancestor_id, until)
    SELECT bound, b.source, b.node, b.until FROM best b
    WHERE (b.source, b.node, coalesce(b.until, 'infinity')) NOT IN (
        SELECT s.group_id, s.ancestor_id, coalesce(s.until, 'infinity') FROM acls_closure s
        WHERE s.tenant_id = bound AND s.group_id IN (SELECT source FROM sources))
    ON CONFLICT (tenant_id, group_id, ancestor_id) DO UPDATE SET until = excluded.until;
END $$;

CREATE FUNCTION acls_edge_nesting() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    touched record;
BEGIN
    FOR touched IN
        SELECT r.tenant_id, array_agg(DISTINCT r.member_id) AS members
        FROM changed_rows r
        WHERE {member_nests} GROUP BY r.tenant_id
    LOOP
        PERFORM acls_refresh_closure(touched.tenant_id, touched.members);
    END LOOP;
    RETURN NULL;
END $$;

CREATE TRIGGER nest_inserted AFTER INSERT ON acls_edge REFERENCING NEW TABLE AS changed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION acls_edge_nesting();
CREATE TRIGGER nest_deleted AFTER DELETE ON acls_edge REFERENCING OLD TABLE AS changed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION acls_edge_nesting();

CREATE FUNCTION acls_edge_renested() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    touched record;
BEGIN
    FOR touched IN
        SELECT r.tenant_id, array_agg(DISTINCT r.member_id) AS members
        FROM (
            (SELECT tenant_id, id, member_id, group_id, expires_at FROM old_rows
             EXCEPT SELECT tenant_id, id, member_id, group_id, expires_at FROM new_rows)
            UNION ALL
            (SELECT tenant_id, id, member_id, group_id, expires_at FROM new_rows
             EXCEPT SELECT tenant_id, id, member_id, group_id, expires_at FROM old_rows)
        ) r
        WHERE {member_nests} GROUP BY r.tenant_id
    LOOP
        PERFORM acls_refresh_closure(touched.tenant_id, touched.members);
    END LOOP;
    RETURN NULL;
END $$;

CREATE TRIGGER nest_updated AFTER UPDATE ON acls_edge
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION acls_edge_renested();

CREATE FUNCTION acls_principal_closes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO acls_closure (tenant_id, group_id, ancestor_id)
    SELECT tenant_id, group_ptr_id, group_ptr_id FROM new_rows WHERE kind IN {nesting};
    RETURN NULL;
END $$;

CREATE TRIGGER close_inserted AFTER INSERT ON acls_principal REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION acls_principal_closes();
"""

LINES = """
CREATE FUNCTION acls_refresh_lines(bound bigint, changed bigint[]) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    -- One writer of a source's tree at a time; the statements below see what the last one left.
    PERFORM pg_advisory_xact_lock(hashtextextended('acls.tree:' || bound || ':' || r.realm, 0))
    FROM (SELECT DISTINCT realm FROM acls_acl
          WHERE tenant_id = bound AND id = ANY (changed) ORDER BY realm) r;
    -- A new circle runs through a place whose parent has changed.
    IF EXISTS (
        WITH RECURSIVE above AS (
            SELECT id AS source, parent_id AS node FROM acls_acl
            WHERE tenant_id = bound AND id = ANY (changed) AND parent_id IS NOT NULL
            UNION
            SELECT a.source, p.parent_id FROM above a
            JOIN acls_acl p ON p.tenant_id = bound AND p.id = a.node
            WHERE p.parent_id IS NOT NULL
        ) SELECT FROM above WHERE node = source
    ) THEN
        RAISE EXCEPTION 'a place lies below itself' USING ERRCODE = 'check_violation';
    END IF;
    WITH RECURSIVE below AS (
        SELECT id FROM acls_acl WHERE tenant_id = bound AND id = ANY (changed)
        UNION
        SELECT c.id FROM below b JOIN acls_acl c ON c.tenant_id = bound AND c.parent_id = b.id
    ), walk AS (
        SELECT a.id AS acl, a.id AS ancestor, 0 AS distance, false AS cut,
            a.parent_id AS next, a.mode = 'cut' AS cuts
        FROM below b JOIN acls_acl a ON a.tenant_id = bound AND a.id = b.id
        UNION ALL
        SELECT w.acl, p.id, w.distance + 1, w.cut OR w.cuts, p.parent_id, p.mode = 'cut'
        FROM walk w JOIN acls_acl p ON p.tenant_id = bound AND p.id = w.next
    ), wanted AS MATERIALIZED (
        SELECT acl, ancestor, distance, cut FROM walk
    ), gone AS (
        DELETE FROM acls_line l
        WHERE l.tenant_id = bound AND l.acl_id IN (SELECT id FROM below)
            AND (l.acl_id, l.ancestor_id) NOT IN (SELECT acl, ancestor FROM wanted)
    )
    INSERT INTO acls_line AS l (tenant_id, acl_id, ancestor_id, distance, cut)
    SELECT bound, w.acl, w.ancestor, w.distance, w.cut FROM wanted w
    WHERE (w.acl, w.ancestor, w.distance, w.cut) NOT IN (
        SELECT s.acl_id, s.ancestor_id, s.distance, s.cut FROM acls_line s
        WHERE s.tenant_id = bound AND s.acl_id IN (SELECT id FROM below))
    ON CONFLICT (tenant_id, acl_id, ancestor_id)
        DO UPDATE SET distance = excluded.distance, cut = excluded.cut;
END $$;

CREATE FUNCTION acls_acl_placed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM acls_refresh_lines(tenant_id, array_agg(id)) FROM new_rows GROUP BY tenant_id;
    RETURN NULL;
END $$;

CREATE TRIGGER line_inserted AFTER INSERT ON acls_acl REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION acls_acl_placed();

CREATE FUNCTION acls_acl_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM acls_refresh_lines(moved.tenant_id, array_agg(moved.id))
    FROM (
        SELECT tenant_id, id, parent_id, mode FROM new_rows
        EXCEPT SELECT tenant_id, id, parent_id, mode FROM old_rows
    ) moved GROUP BY moved.tenant_id;
    RETURN NULL;
END $$;

CREATE TRIGGER line_updated AFTER UPDATE ON acls_acl
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION acls_acl_moved();
"""


class Migration(migrations.Migration):
    dependencies = [("acls", "0001_initial"), ("auth", "0012_alter_user_first_name_max_length")]

    operations = [
        migrations.RunSQL(NO_MODEL_WIDE_PERMISSIONS, migrations.RunSQL.noop),
        migrations.RunSQL(NO_INDEX_ON_THE_TENANT_ALONE),
        migrations.RunSQL(USER_GROUPS, "DROP VIEW acls_user_group"),
        migrations.RunSQL(
            CLOSURE.replace("{member_nests}", MEMBER_NESTS).replace("{nesting}", NESTING)
        ),
        migrations.RunSQL(LINES),
    ]
