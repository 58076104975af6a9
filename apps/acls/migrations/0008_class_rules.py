from __future__ import annotations

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Q

from apps.tenants.row_security import SecureTenantTable

CLASSES = [
    ("public", "Public"),
    ("internal", "Internal"),
    ("confidential", "Confidential"),
    ("restricted", "Restricted"),
]
WEEKDAYS = [
    (1, "Monday"),
    (2, "Tuesday"),
    (3, "Wednesday"),
    (4, "Thursday"),
    (5, "Friday"),
    (6, "Saturday"),
    (7, "Sunday"),
]


class Migration(migrations.Migration):
    dependencies = [("acls", "0007_holds"), ("tenants", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="AccessRule",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "classification",
                    models.CharField(
                        choices=CLASSES,
                        help_text="The rule holds for this class and for every stricter one.",
                        max_length=20,
                        verbose_name="from this class on",
                    ),
                ),
                (
                    "requires_mfa",
                    models.BooleanField(
                        default=False,
                        help_text="Only sessions in which the person has passed a second factor.",
                        verbose_name="second factor",
                    ),
                ),
                (
                    "networks",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=43),
                        blank=True,
                        default=list,
                        help_text="Only from these networks, such as 10.20.0.0/16; empty: from anywhere.",
                        size=None,
                    ),
                ),
                (
                    "weekdays",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.PositiveSmallIntegerField(choices=WEEKDAYS),
                        blank=True,
                        default=list,
                        help_text="Only on these days; none chosen: on every day.",
                        size=None,
                    ),
                ),
                (
                    "from_time",
                    models.TimeField(
                        blank=True,
                        help_text="Empty: the whole day long.",
                        null=True,
                        verbose_name="from",
                    ),
                ),
                (
                    "to_time",
                    models.TimeField(
                        blank=True,
                        help_text="Before “from”: on the next day, and the days chosen are those it begins on.",
                        null=True,
                        verbose_name="until",
                    ),
                ),
                ("time_zone", models.CharField(default="UTC", max_length=64)),
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
                    models.CheckConstraint(
                        condition=Q(classification__in=[name for name, _ in CLASSES]),
                        name="accessrule_known_class",
                    ),
                    models.CheckConstraint(
                        condition=Q(from_time=None, to_time=None)
                        | (
                            Q(from_time__isnull=False, to_time__isnull=False)
                            & ~Q(from_time=F("to_time"))
                        ),
                        name="accessrule_whole_hours",
                    ),
                ],
            },
        ),
        SecureTenantTable("AccessRule"),
    ]
