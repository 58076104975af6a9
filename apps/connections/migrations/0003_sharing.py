from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import apps.tenants.fields
from apps.tenants.row_security import SecureTenantTable


class Migration(migrations.Migration):
    dependencies = [
        ("acls", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("connections", "0002_shared_by_permissions"),
        ("tenants", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ConnectionGroupPermission",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "content_object",
                    apps.tenants.fields.TenantForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="group_permissions",
                        to="connections.connection",
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="auth.group"),
                ),
                (
                    "permission",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to="auth.permission"
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
                "indexes": [
                    models.Index(fields=["tenant", "group"], name="connectiongroupperm_by_group")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "content_object", "group", "permission"),
                        name="connectiongroupperm_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ConnectionUserPermission",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "content_object",
                    apps.tenants.fields.TenantForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="user_permissions",
                        to="connections.connection",
                    ),
                ),
                (
                    "permission",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to="auth.permission"
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
                        on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["tenant", "user"], name="connectionuserperm_by_user")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "content_object", "user", "permission"),
                        name="connectionuserperm_once",
                    )
                ],
            },
        ),
        # A grant names a member and a group of the same tenant, or the database refuses it.
        SecureTenantTable(
            "ConnectionUserPermission", references={"user_id": ("tenants_membership", "user_id")}
        ),
        SecureTenantTable(
            "ConnectionGroupPermission",
            references={"group_id": ("acls_principal", "group_ptr_id")},
        ),
    ]
