"""The one function that counts across tenants, for operators who have entered none.

It returns numbers only. Row-level security is forced on its owner too, so that it binds one tenant
after the other and, at the end, again the one that its caller had bound.
"""

from __future__ import annotations

from django.conf import settings
from django.db import migrations

CREATE = """
CREATE FUNCTION kenward_tenant_counts() RETURNS TABLE (
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
         WHERE d.tenant_id = kenward_tenant_counts.tenant_id AND d.deleted_at IS NULL;
        SELECT count(*) INTO connections FROM connections_connection c
         WHERE c.tenant_id = kenward_tenant_counts.tenant_id;
        SELECT count(*) INTO members FROM tenants_membership m
         WHERE m.tenant_id = kenward_tenant_counts.tenant_id AND m.is_active;
        SELECT count(*) INTO running FROM sync_events_syncrun r
         WHERE r.tenant_id = kenward_tenant_counts.tenant_id AND r.state = 'running';
        RETURN NEXT;
    END LOOP;
    PERFORM set_config('app.tenant_id', caller, true);
END $$
"""


def only_for_the_application(apps, schema_editor):
    role = schema_editor.connection.ops.quote_name(settings.DATABASES["default"]["USER"])
    schema_editor.execute("REVOKE ALL ON FUNCTION kenward_tenant_counts() FROM PUBLIC")
    schema_editor.execute(f"GRANT EXECUTE ON FUNCTION kenward_tenant_counts() TO {role}")


class Migration(migrations.Migration):
    dependencies = [
        ("sync_events", "0001_initial"),
        ("documents", "0001_initial"),
        ("connections", "0001_initial"),
        ("tenants", "0001_initial"),
    ]

    operations = [
        migrations.RunSQL(CREATE, "DROP FUNCTION kenward_tenant_counts()"),
        migrations.RunPython(only_for_the_application, migrations.RunPython.noop),
    ]
