"""How far a run was in the last minute, and numbers per connection on how far syncing is behind.

The function returns numbers alone, of all tenants. Like `kenward_permission_numbers` it binds one
after the other, since row-level security is forced on its owner too, and at the end its caller's
again. The hidden connection of canary documents is not among them.
"""

from __future__ import annotations

from django.conf import settings
from django.db import migrations, models
from django.db.models import Value

CREATE = """
CREATE FUNCTION kenward_sync_numbers() RETURNS TABLE (
    tenant text, connection uuid, compared_age_s double precision, asked_age_s double precision,
    told_age_s double precision, reported_lag_s double precision, index_lag_s double precision,
    running bigint, stuck bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    caller text := coalesce(current_setting('app.tenant_id', true), '');
    bound bigint;
BEGIN
    FOR bound, tenant IN
        SELECT t.id, t.slug FROM tenants_tenant t WHERE t.is_active ORDER BY t.id
    LOOP
        PERFORM set_config('app.tenant_id', bound::text, true);
        RETURN QUERY
        SELECT tenant, c.uuid,
            extract(epoch FROM clock_timestamp() - c.last_swept_at)::double precision,
            extract(epoch FROM clock_timestamp() - c.followed_at)::double precision,
            extract(epoch FROM clock_timestamp() - c.pushed_at)::double precision,
            greatest(0, extract(epoch FROM clock_timestamp() - h.since))::double precision,
            greatest(0, extract(epoch FROM clock_timestamp() - d.since))::double precision,
            coalesce(r.running, 0), coalesce(r.stuck, 0)
        FROM connections_connection c
        LEFT JOIN (
            SELECT connection_id, min(noted_at) AS since FROM sync_events_changehint
            WHERE tenant_id = bound GROUP BY connection_id
        ) h ON h.connection_id = c.id
        LEFT JOIN (
            SELECT connection_id, min(CASE WHEN indexed_at IS NULL THEN created_at
                ELSE last_synced_at END) AS since
            FROM documents_document
            WHERE tenant_id = bound AND deleted_at IS NULL AND indexed_version <> version
                AND failure = ''
            GROUP BY connection_id
        ) d ON d.connection_id = c.id
        LEFT JOIN (
            SELECT connection_id, count(*) FILTER (WHERE state = 'running') AS running,
                count(*) FILTER (WHERE stuck_at IS NOT NULL) AS stuck
            FROM sync_events_syncrun
            WHERE tenant_id = bound AND state IN ('queued', 'running') GROUP BY connection_id
        ) r ON r.connection_id = c.id
        WHERE c.tenant_id = bound AND c.kind <> 'canary' ORDER BY c.id;
    END LOOP;
    PERFORM set_config('app.tenant_id', caller, true);
END $$
"""


def only_for_the_application(apps, schema_editor):
    role = schema_editor.connection.ops.quote_name(settings.DATABASES["default"]["USER"])
    schema_editor.execute("REVOKE ALL ON FUNCTION kenward_sync_numbers() FROM PUBLIC")
    schema_editor.execute(f"GRANT EXECUTE ON FUNCTION kenward_sync_numbers() TO {role}")


class Migration(migrations.Migration):
    dependencies = [
        ("sync_events", "0008_exposure"),
        ("connections", "0006_accounts"),
        ("documents", "0001_initial"),
        ("tenants", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="syncrun",
            name="lately",
            field=models.JSONField(
                db_default=Value([], models.JSONField()), default=list, editable=False
            ),
        ),
        migrations.RunSQL(CREATE, "DROP FUNCTION kenward_sync_numbers()"),
        migrations.RunPython(only_for_the_application, migrations.RunPython.noop),
    ]
