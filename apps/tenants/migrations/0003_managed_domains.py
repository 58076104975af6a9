from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from apps.tenants.row_security import SecureTenantTable

# Whoever takes a domain has to learn that another tenant has it: nothing but the names of domains
# is seen across tenants, and only by this function, whose owner the application never is.
ONE_TENANT = """
CREATE POLICY domains_are_compared ON tenants_manageddomain FOR SELECT TO CURRENT_USER USING (true);

CREATE FUNCTION tenants_domain_is_taken() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('tenants.domain:' || NEW.domain, 0));
    IF EXISTS (
        SELECT FROM tenants_manageddomain d
        WHERE d.domain = NEW.domain AND d.tenant_id <> NEW.tenant_id
    ) THEN
        RAISE EXCEPTION 'another tenant manages this domain'
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'manageddomain_of_one_tenant';
    END IF;
    RETURN NEW;
END $$;

REVOKE ALL ON FUNCTION tenants_domain_is_taken() FROM PUBLIC;

CREATE TRIGGER of_one_tenant BEFORE INSERT OR UPDATE OF domain, tenant_id ON tenants_manageddomain
    FOR EACH ROW EXECUTE FUNCTION tenants_domain_is_taken();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0002_shared_by_permissions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ManagedDomain",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "domain",
                    models.CharField(
                        help_text="As DNS knows it, in lower case.",
                        max_length=253,
                    ),
                ),
                ("unicode_domain", models.CharField(editable=False, max_length=253)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
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
            options={
                "verbose_name": "managed domain",
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "domain"), name="manageddomain_once")
                ],
            },
        ),
        SecureTenantTable("ManagedDomain"),
        migrations.RunSQL(ONE_TENANT),
    ]
