from __future__ import annotations

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import apps.tenants.fields
from apps.tenants.row_security import SecureTenantTable


class Migration(migrations.Migration):
    dependencies = [
        ("acls", "0006_people"),
        ("connections", "0002_shared_by_permissions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="HeldChange",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waits for an IT admin"),
                            ("agreed", "Agreed to"),
                            ("refused", "Refused"),
                            ("replaced", "Replaced by a newer observation"),
                            ("withdrawn", "Taken back by the source"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("fingerprint", models.CharField(editable=False, max_length=64)),
                ("documents", models.PositiveIntegerField(null=True)),
                ("people", models.PositiveIntegerField(null=True)),
                (
                    "documents_for_all",
                    models.PositiveIntegerField(
                        help_text="Of these, documents that every full member could read.",
                        null=True,
                    ),
                ),
                ("sample_documents", models.JSONField(blank=True, default=list)),
                ("sample_people", models.JSONField(blank=True, default=list)),
                ("held_at", models.DateTimeField(auto_now_add=True)),
                ("observed_at", models.DateTimeField()),
                ("decided_at", models.DateTimeField(null=True)),
                (
                    "connection",
                    apps.tenants.fields.TenantForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="holds",
                        to="connections.connection",
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
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
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "uuid"), name="heldchange_uuid_once"),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "waiting")),
                        fields=("tenant", "connection"),
                        name="heldchange_one_waiting",
                    ),
                ],
            },
        ),
        SecureTenantTable("HeldChange"),
        migrations.CreateModel(
            name="HeldPart",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("subject", models.CharField(max_length=4200)),
                ("fingerprint", models.CharField(max_length=64)),
                ("wants", models.JSONField(default=list)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "change",
                    apps.tenants.fields.TenantForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="parts",
                        to="acls.heldchange",
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
                    models.Index(fields=["tenant", "change", "id"], name="heldpart_of_change")
                ],
            },
        ),
        SecureTenantTable("HeldPart"),
    ]
