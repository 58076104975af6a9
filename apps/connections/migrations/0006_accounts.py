from __future__ import annotations

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import apps.tenants.encryption
import apps.tenants.fields
from apps.tenants.row_security import SecureTenantTable


class Migration(migrations.Migration):
    dependencies = [
        ("connections", "0005_paused_by_delegate"),
        ("tenants", "0005_department"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="connection",
            name="followed_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="connection",
            name="item_space",
            field=models.CharField(
                blank=True, db_default="", default="", editable=False, max_length=200
            ),
        ),
        migrations.AddField(
            model_name="connection",
            name="owner",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="own_connections",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="connection",
            name="poll_interval_s",
            field=models.PositiveIntegerField(
                db_default=60,
                default=60,
                help_text="How often the source is asked what has changed, beside what it reports itself.",
                verbose_name="look for changes every (seconds)",
            ),
        ),
        migrations.AddField(
            model_name="connection",
            name="pushed_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="connection",
            name="quiet_from",
            field=models.TimeField(blank=True, null=True, verbose_name="quiet from"),
        ),
        migrations.AddField(
            model_name="connection",
            name="quiet_until",
            field=models.TimeField(blank=True, null=True, verbose_name="quiet until"),
        ),
        migrations.AddField(
            model_name="connection",
            name="quiet_zone",
            field=models.CharField(
                db_default="UTC", default="UTC", max_length=60, verbose_name="time zone"
            ),
        ),
        migrations.AlterField(
            model_name="connection",
            name="state",
            field=models.CharField(
                choices=[
                    ("active", "Active"),
                    ("paused", "Paused"),
                    ("needs_attention", "Needs attention"),
                    ("disconnected", "Disconnected"),
                ],
                default="active",
                editable=False,
                max_length=20,
            ),
        ),
        migrations.CreateModel(
            name="AuthConfig",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False)),
                ("kind", models.CharField(editable=False, max_length=40)),
                ("name", models.CharField(max_length=200)),
                (
                    "method",
                    models.CharField(
                        choices=[
                            ("oauth", "Sign-in at the source (OAuth 2.0)"),
                            ("service_account", "Service account"),
                            ("api_key", "API key"),
                            ("app", "Installed app"),
                        ],
                        default="oauth",
                        max_length=20,
                    ),
                ),
                (
                    "client_id",
                    models.CharField(blank=True, max_length=500, verbose_name="client ID"),
                ),
                (
                    "client_secret",
                    apps.tenants.encryption.EncryptedTextField(blank=True, default=""),
                ),
                (
                    "signing_secret",
                    apps.tenants.encryption.EncryptedTextField(blank=True, default=""),
                ),
                (
                    "endpoints",
                    models.JSONField(
                        blank=True, db_default=models.Value({}, models.JSONField()), default=dict
                    ),
                ),
                (
                    "allows_writes",
                    models.BooleanField(
                        default=False,
                        help_text="Rights to write are asked for when somebody first needs them, and never before.",
                        verbose_name="may write",
                    ),
                ),
                (
                    "is_for_employees",
                    models.BooleanField(
                        default=False, verbose_name="employees may connect own accounts"
                    ),
                ),
                ("is_active", models.BooleanField(default=True, verbose_name="in use")),
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
                "verbose_name": "auth configuration",
            },
        ),
        migrations.CreateModel(
            name="Credential",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False)),
                ("secret", apps.tenants.encryption.EncryptedTextField(editable=False)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("valid", "Valid"),
                            ("rejected", "Not accepted any more"),
                            ("revoked", "Revoked"),
                        ],
                        default="valid",
                        editable=False,
                        max_length=20,
                    ),
                ),
                ("subject", models.CharField(blank=True, editable=False, max_length=300)),
                (
                    "scopes",
                    models.JSONField(
                        db_default=models.Value([], models.JSONField()),
                        default=list,
                        editable=False,
                    ),
                ),
                ("expires_at", models.DateTimeField(editable=False, null=True)),
                ("renewed_at", models.DateTimeField(auto_now_add=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "config",
                    apps.tenants.fields.TenantForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="credentials",
                        to="connections.authconfig",
                    ),
                ),
                (
                    "connection",
                    apps.tenants.fields.TenantForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="credentials",
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
        ),
        migrations.AddConstraint(
            model_name="authconfig",
            constraint=models.UniqueConstraint(
                fields=("tenant", "uuid"), name="auth_config_uuid_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="authconfig",
            constraint=models.UniqueConstraint(
                fields=("tenant", "name"), name="auth_config_name_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="credential",
            constraint=models.UniqueConstraint(
                fields=("tenant", "connection"), name="credential_once_per_connection"
            ),
        ),
        SecureTenantTable("AuthConfig"),
        SecureTenantTable("Credential"),
    ]
