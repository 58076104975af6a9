from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

import apps.tenants.encryption
import apps.tenants.fields
from apps.tenants.row_security import SecureTenantTable


class Migration(migrations.Migration):
    dependencies = [
        ("connections", "0006_accounts"),
        ("sync_events", "0006_webhooks"),
        ("tenants", "0005_department"),
    ]

    operations = [
        migrations.AddField(
            model_name="syncrun",
            name="confirms_from",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="syncrun",
            name="moved",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="syncrun",
            name="permissions_changed",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="syncrun",
            name="progressed_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="syncrun",
            name="stuck_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AlterField(
            model_name="syncrun",
            name="trigger",
            field=models.CharField(
                choices=[
                    ("schedule", "Schedule"),
                    ("change", "Change in the source"),
                    ("poll", "Asked for changes"),
                    ("person", "By hand"),
                ],
                max_length=20,
            ),
        ),
        migrations.CreateModel(
            name="LogPosition",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=500)),
                ("position", models.TextField()),
                ("read_at", models.DateTimeField(null=True)),
                (
                    "connection",
                    apps.tenants.fields.TenantForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="log_positions",
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
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "connection", "name"), name="position_once_per_log"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="PushSubscription",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=500)),
                ("source_id", models.CharField(max_length=500)),
                ("resource_id", models.CharField(blank=True, max_length=1000)),
                ("secret", apps.tenants.encryption.EncryptedTextField()),
                ("made_at", models.DateTimeField(auto_now=True)),
                ("expires_at", models.DateTimeField()),
                (
                    "connection",
                    apps.tenants.fields.TenantForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="push_subscriptions",
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
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "connection", "name"), name="subscription_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RunChange",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("added", "New"),
                            ("updated", "Changed"),
                            ("moved", "Moved or renamed"),
                            ("deleted", "Gone"),
                            ("permissions", "Other readers"),
                        ],
                        max_length=20,
                    ),
                ),
                ("document_uuid", models.UUIDField()),
                ("external_id", models.CharField(max_length=4096)),
                (
                    "run",
                    apps.tenants.fields.TenantForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="changes",
                        to="sync_events.syncrun",
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
                "indexes": [models.Index(fields=["tenant", "run", "kind"], name="change_of_run")],
            },
        ),
        SecureTenantTable("LogPosition"),
        SecureTenantTable("RunChange"),
        SecureTenantTable("PushSubscription"),
    ]
