from __future__ import annotations

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import apps.tenants.fields
from apps.tenants.row_security import SecureTenantTable


class Migration(migrations.Migration):
    dependencies = [
        ("connections", "0006_accounts"),
        ("sync_events", "0007_following"),
        ("tenants", "0005_department"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ExposureReport",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False)),
                ("proposed", models.JSONField(editable=False, null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="queued",
                        max_length=20,
                    ),
                ),
                (
                    "stage",
                    models.CharField(
                        choices=[
                            ("permissions", "Listing places, readers and groups"),
                            ("items", "Listing documents"),
                            ("outcome", "Working out who would read what"),
                        ],
                        default="permissions",
                        max_length=20,
                    ),
                ),
                ("claim", models.UUIDField(editable=False, null=True)),
                ("heartbeat_at", models.DateTimeField(editable=False, null=True)),
                ("not_before", models.DateTimeField(editable=False, null=True)),
                ("attempts", models.PositiveSmallIntegerField(default=0, editable=False)),
                ("cursor", models.JSONField(editable=False, null=True)),
                ("pages", models.PositiveIntegerField(default=0)),
                ("seen", models.PositiveIntegerField(default=0)),
                ("total", models.PositiveIntegerField(null=True)),
                ("is_truncated", models.BooleanField(default=False)),
                ("result", models.JSONField(default=dict, editable=False)),
                ("error", models.CharField(blank=True, max_length=1000)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "connection",
                    apps.tenants.fields.TenantForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="exposure_reports",
                        to="connections.connection",
                    ),
                ),
                (
                    "requested_by",
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
                "verbose_name": "exposure dry run",
                "verbose_name_plural": "exposure dry runs",
            },
        ),
        migrations.CreateModel(
            name="ExposureRecall",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("external_id", models.CharField(max_length=4096)),
                ("fields", models.JSONField()),
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
                    "report",
                    apps.tenants.fields.TenantForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="recalled",
                        to="sync_events.exposurereport",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ExposurePage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "stage",
                    models.CharField(
                        choices=[
                            ("permissions", "Listing places, readers and groups"),
                            ("items", "Listing documents"),
                            ("outcome", "Working out who would read what"),
                        ],
                        max_length=20,
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("told", models.BinaryField()),
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
                    "report",
                    apps.tenants.fields.TenantForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="told",
                        to="sync_events.exposurereport",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ExposureLine",
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
                            ("person", "Person"),
                            ("unmatched", "Unmatched person"),
                            ("group", "Group with unknown members"),
                            ("public", "Public"),
                            ("folder", "Top folder"),
                            ("problem", "Problem"),
                        ],
                        max_length=20,
                    ),
                ),
                ("position", models.PositiveIntegerField()),
                ("label", models.CharField(max_length=500)),
                ("external_id", models.CharField(blank=True, max_length=500)),
                ("email", models.CharField(blank=True, max_length=254)),
                ("documents", models.PositiveIntegerField(default=0)),
                ("gained", models.PositiveIntegerField(default=0)),
                ("lost", models.PositiveIntegerField(default=0)),
                ("size_bytes", models.BigIntegerField(default=0)),
                ("note", models.CharField(blank=True, max_length=1000)),
                ("paths", models.JSONField(default=list)),
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
                    "report",
                    apps.tenants.fields.TenantForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="lines",
                        to="sync_events.exposurereport",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="exposurereport",
            index=models.Index(
                condition=models.Q(("state__in", ["queued", "running"])),
                fields=["tenant", "state"],
                name="exposure_unfinished",
            ),
        ),
        migrations.AddIndex(
            model_name="exposurereport",
            index=models.Index(fields=["tenant", "-created_at"], name="exposure_by_time"),
        ),
        migrations.AddConstraint(
            model_name="exposurereport",
            constraint=models.UniqueConstraint(
                fields=("tenant", "uuid"), name="exposure_uuid_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="exposurereport",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["queued", "running"])),
                fields=("tenant", "connection"),
                name="one_unfinished_exposure",
            ),
        ),
        migrations.AddConstraint(
            model_name="exposurerecall",
            constraint=models.UniqueConstraint(
                fields=("tenant", "report", "external_id"), name="exposure_recall_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="exposurepage",
            constraint=models.UniqueConstraint(
                fields=("tenant", "report", "number"), name="exposure_page_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="exposureline",
            constraint=models.UniqueConstraint(
                fields=("tenant", "report", "kind", "position"), name="exposure_line_once"
            ),
        ),
        SecureTenantTable("ExposureReport"),
        SecureTenantTable("ExposureLine"),
        SecureTenantTable("ExposurePage"),
        SecureTenantTable("ExposureRecall"),
    ]
