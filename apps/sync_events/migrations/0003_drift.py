"""Checks of our answers against the sources' own, and numbers per connection for the metrics.

The function returns numbers alone, of all tenants. Like `kenward_tenant_counts` it binds one after
the other, since row-level security is forced on its owner too, and at the end its caller's again.
"""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import apps.tenants.fields
from apps.tenants.row_security import SecureTenantTable

CREATE = """
CREATE FUNCTION kenward_permission_numbers() RETURNS TABLE (
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
        WHERE c.tenant_id = bound ORDER BY c.id;
    END LOOP;
    PERFORM set_config('app.tenant_id', caller, true);
END $$
"""


def only_for_the_application(apps, schema_editor):
    role = schema_editor.connection.ops.quote_name(settings.DATABASES["default"]["USER"])
    schema_editor.execute("REVOKE ALL ON FUNCTION kenward_permission_numbers() FROM PUBLIC")
    schema_editor.execute(f"GRANT EXECUTE ON FUNCTION kenward_permission_numbers() TO {role}")


class Migration(migrations.Migration):
    dependencies = [
        ("sync_events", "0002_tenant_counts"),
        ("connections", "0002_shared_by_permissions"),
        ("documents", "0001_initial"),
        ("tenants", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="DriftCheck",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("started_at", models.DateTimeField(auto_now_add=True)),
                ("disputed", models.JSONField(default=list, editable=False)),
                ("ask_again_at", models.DateTimeField(editable=False)),
                ("finished_at", models.DateTimeField(null=True)),
                ("asked", models.PositiveIntegerField(default=0)),
                ("agreed", models.PositiveIntegerField(default=0)),
                (
                    "leaks",
                    models.PositiveIntegerField(
                        default=0, help_text="We allow, the source denies."
                    ),
                ),
                (
                    "losses",
                    models.PositiveIntegerField(default=0, help_text="We deny, the source allows."),
                ),
                ("unanswered", models.PositiveIntegerField(default=0)),
                (
                    "connection",
                    apps.tenants.fields.TenantForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="drift_checks",
                        to="connections.connection",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={"verbose_name": "drift check"},
        ),
        migrations.CreateModel(
            name="DriftMismatch",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "ours",
                    models.BooleanField(help_text="Whether Kenward let the person read it."),
                ),
                ("theirs", models.BooleanField(help_text="Whether the source did.")),
                ("explanation", models.CharField(blank=True, max_length=2000)),
                ("found_at", models.DateTimeField(auto_now_add=True)),
                ("repair_requested_at", models.DateTimeField(null=True)),
                ("repaired_at", models.DateTimeField(null=True)),
                (
                    "connection",
                    apps.tenants.fields.TenantForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="drift_mismatches",
                        to="connections.connection",
                    ),
                ),
                (
                    "document",
                    apps.tenants.fields.TenantForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="documents.document",
                    ),
                ),
                (
                    "found_by",
                    apps.tenants.fields.TenantForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="mismatches",
                        to="sync_events.driftcheck",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"verbose_name": "drift", "verbose_name_plural": "drift"},
        ),
        migrations.AddIndex(
            model_name="driftcheck",
            index=models.Index(
                fields=["tenant", "connection", "-started_at"], name="driftcheck_by_time"
            ),
        ),
        migrations.AddConstraint(
            model_name="driftcheck",
            constraint=models.UniqueConstraint(
                condition=models.Q(("finished_at", None)),
                fields=("tenant", "connection"),
                name="one_drift_check_at_a_time",
            ),
        ),
        migrations.AddIndex(
            model_name="driftmismatch",
            index=models.Index(fields=["tenant", "-found_at"], name="driftmismatch_by_time"),
        ),
        migrations.AddConstraint(
            model_name="driftmismatch",
            constraint=models.UniqueConstraint(
                condition=models.Q(("repaired_at", None)),
                fields=("tenant", "user", "document"),
                name="open_mismatch_once",
            ),
        ),
        SecureTenantTable("DriftCheck"),
        SecureTenantTable("DriftMismatch"),
        migrations.RunSQL(CREATE, "DROP FUNCTION kenward_permission_numbers()"),
        migrations.RunPython(only_for_the_application, migrations.RunPython.noop),
    ]
