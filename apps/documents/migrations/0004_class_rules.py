from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

import apps.tenants.fields
from apps.tenants.row_security import SecureTenantTable

CLASSES = [
    ("public", "Public"),
    ("internal", "Internal"),
    ("confidential", "Confidential"),
    ("restricted", "Restricted"),
]
TENANT = models.ForeignKey(
    editable=False,
    on_delete=django.db.models.deletion.PROTECT,
    related_name="+",
    to="tenants.tenant",
)


class Migration(migrations.Migration):
    dependencies = [
        ("connections", "0001_initial"),
        ("documents", "0003_collections"),
        ("tenants", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="document",
            name="class_rule_id",
            field=models.BigIntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="document",
            name="classified_by",
            field=models.CharField(
                choices=[("default", "No rule"), ("rule", "Rule"), ("hand", "By hand")],
                db_default="default",
                default="default",
                max_length=10,
                verbose_name="class given by",
            ),
        ),
        migrations.CreateModel(
            name="ClassificationRule",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "position",
                    models.PositiveIntegerField(help_text="The first rule that matches decides."),
                ),
                (
                    "path_glob",
                    models.CharField(
                        blank=True,
                        help_text="Such as hr/** or **/contracts/*.pdf: * stands for a part of a name, ** for any number of folders. Capitals make no difference. Empty: every path.",
                        max_length=500,
                        verbose_name="path",
                    ),
                ),
                (
                    "path_pattern",
                    models.CharField(blank=True, editable=False, max_length=4000),
                ),
                (
                    "label",
                    models.CharField(
                        blank=True,
                        help_text="A label of the source. Empty: any, or none.",
                        max_length=100,
                    ),
                ),
                (
                    "classification",
                    models.CharField(choices=CLASSES, max_length=20, verbose_name="class"),
                ),
                (
                    "connection",
                    apps.tenants.fields.TenantForeignKey(
                        blank=True,
                        help_text="Empty: every source.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="connections.connection",
                        verbose_name="source",
                    ),
                ),
                ("tenant", TENANT),
            ],
            options={
                "verbose_name": "class rule",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(classification__in=[name for name, _ in CLASSES]),
                        name="classificationrule_known_class",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Reclassification",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("is_tightening", models.BooleanField(default=True)),
                ("after_id", models.BigIntegerField(default=0)),
                ("up_to_id", models.BigIntegerField(default=0)),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                ("tenant", TENANT.clone()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant",), name="reclassification_once_per_tenant"
                    )
                ],
            },
        ),
        SecureTenantTable("ClassificationRule"),
        SecureTenantTable("Reclassification"),
    ]
