"""A tenant's own questions, with what answers them."""

from __future__ import annotations

import uuid

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import apps.tenants.fields
from apps.tenants.row_security import SecureTenantTable


def _of_every_table():
    key = models.BigAutoField(
        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
    )
    tenant = models.ForeignKey(
        editable=False,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to="tenants.tenant",
    )
    return [
        ("id", key),
        ("uuid", models.UUIDField(default=uuid.uuid4, editable=False)),
        ("tenant", tenant),
    ]


def _belongs_to(target, related_name):
    return apps.tenants.fields.TenantForeignKey(
        db_index=False,
        on_delete=django.db.models.deletion.CASCADE,
        related_name=related_name,
        to=target,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("search", "0002_wall"),
        ("tenants", "0004_domains_are_not_compared"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="QuestionSet",
            fields=[
                *_of_every_table(),
                ("name", models.CharField(max_length=200)),
                ("description", models.CharField(blank=True, max_length=1000)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=["tenant", "uuid"], name="questionset_uuid_once"
                    ),
                    models.UniqueConstraint(
                        fields=["tenant", "name"], name="questionset_name_once"
                    ),
                ],
            },
        ),
        SecureTenantTable("QuestionSet"),
        migrations.CreateModel(
            name="Question",
            fields=[
                *_of_every_table(),
                ("external_id", models.CharField(max_length=200, verbose_name="id in the set")),
                ("text", models.CharField(max_length=2000, verbose_name="question")),
                ("question_set", _belongs_to("search.questionset", "questions")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=["tenant", "uuid"], name="question_uuid_once"),
                    models.UniqueConstraint(
                        fields=["tenant", "question_set", "external_id"],
                        name="question_once_per_set",
                    ),
                ],
            },
        ),
        SecureTenantTable("Question"),
        migrations.CreateModel(
            name="Judgement",
            fields=[
                *_of_every_table(),
                ("document_uuid", models.UUIDField(null=True)),
                ("document_external_id", models.CharField(blank=True, max_length=4096)),
                (
                    "grade",
                    models.PositiveSmallIntegerField(
                        default=1, validators=[django.core.validators.MaxValueValidator(100)]
                    ),
                ),
                ("start", models.PositiveIntegerField(null=True)),
                ("end", models.PositiveIntegerField(null=True)),
                ("question", _belongs_to("search.question", "judgements")),
            ],
            options={
                "indexes": [
                    models.Index(fields=["tenant", "question"], name="judgement_by_question")
                ],
                "constraints": [
                    models.UniqueConstraint(fields=["tenant", "uuid"], name="judgement_uuid_once"),
                    models.CheckConstraint(
                        condition=models.Q(document_uuid=None, document_external_id__gt="")
                        | models.Q(document_uuid__isnull=False, document_external_id=""),
                        name="judgement_names_one_document",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(start=None, end=None)
                        | models.Q(
                            start__isnull=False, end__isnull=False, start__lt=models.F("end")
                        ),
                        name="judgement_of_a_whole_span",
                    ),
                ],
            },
        ),
        SecureTenantTable("Judgement"),
    ]
