"""Counts across tenants leave out what lies in the hidden connection of canary documents."""

from __future__ import annotations

from django.db import migrations

REPLACE = """
CREATE OR REPLACE FUNCTION kenward_tenant_counts() RETURNS TABLE (
    tenant_id bigint, documents bigint, searchable bigint, failed bigint, connections bigint,
    members bigint, running bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    caller text := coalesce(current_setting('app.tenant_id', true), '');
BEGIN
    FOR tenant_id IN SELECT t.id FROM tenants_tenant t ORDER BY t.name, t.id LOOP
        PERFORM set_config('app.tenant_id', tenant_id::text, true);
        SELECT count(*), count(*) FILTER (WHERE d.failure = '' AND d.indexed_version = d.version),
               count(*) FILTER (WHERE d.failure <> '')
          INTO documents, searchable, failed
          FROM documents_document d
         WHERE d.tenant_id = kenward_tenant_counts.tenant_id AND d.deleted_at IS NULL
           AND d.connection_id NOT IN (
               SELECT c.id FROM connections_connection c
                WHERE c.tenant_id = kenward_tenant_counts.tenant_id AND c.kind = 'canary');
        SELECT count(*) INTO connections FROM connections_connection c
         WHERE c.tenant_id = kenward_tenant_counts.tenant_id AND c.kind <> 'canary';
        SELECT count(*) INTO members FROM tenants_membership m
         WHERE m.tenant_id = kenward_tenant_counts.tenant_id AND m.is_active;
        SELECT count(*) INTO running FROM sync_events_syncrun r
         WHERE r.tenant_id = kenward_tenant_counts.tenant_id AND r.state = 'running';
        RETURN NEXT;
    END LOOP;
    PERFORM set_config('app.tenant_id', caller, true);
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("connections", "0003_sharing"), ("sync_events", "0002_tenant_counts")]

    # Without canaries, which nobody plants any more once this is taken back, it counts as before.
    operations = [migrations.RunSQL(REPLACE, migrations.RunSQL.noop)]
