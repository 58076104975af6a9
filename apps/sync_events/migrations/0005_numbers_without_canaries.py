"""Numbers per connection leave out the hidden connection of canary documents.

It is never synced, so its permissions would be of no age for ever, and its id would give it away.
"""

from __future__ import annotations

from django.db import migrations

REPLACE = """
CREATE OR REPLACE FUNCTION kenward_permission_numbers() RETURNS TABLE (
    tenant text, connection uuid, age_s double precision, checked bigint, leaks bigint,
    losses bigint)
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
            coalesce(extract(epoch FROM clock_timestamp() - c.permissions_confirmed_at),
                'infinity')::double precision,
            coalesce(d.checked, 0), coalesce(d.leaks, 0), coalesce(d.losses, 0)
        FROM connections_connection c LEFT JOIN LATERAL (
            SELECT sum(k.agreed + k.leaks + k.losses)::bigint AS checked,
                sum(k.leaks)::bigint AS leaks, sum(k.losses)::bigint AS losses
            FROM sync_events_driftcheck k
            WHERE k.tenant_id = c.tenant_id AND k.connection_id = c.id
                AND k.finished_at IS NOT NULL
        ) d ON true
        WHERE c.tenant_id = bound AND c.kind <> 'canary' ORDER BY c.id;
    END LOOP;
    PERFORM set_config('app.tenant_id', caller, true);
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("sync_events", "0004_holds"), ("connections", "0004_canaries")]

    # Owner and grants stay. Without canaries it counts as before once this is taken back.
    operations = [migrations.RunSQL(REPLACE, migrations.RunSQL.noop)]
