"""A tenant's own questions with what answers them, to measure its search by."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models

from apps.tenants.fields import TenantForeignKey
from apps.tenants.models import TenantModel

MAX_GRADE = 100


class QuestionSet(TenantModel):
    """A named set of questions."""

    uuid = models.UUIDField(default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    description = models.CharField(max_length=1000, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        db_index=False,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "uuid"], name="questionset_uuid_once"),
            models.UniqueConstraint(fields=["tenant", "name"], name="questionset_name_once"),
        ]

    def __str__(self) -> str:
        return self.name


class Question(TenantModel):
    """One question, under the id that it has in its set."""

    uuid = models.UUIDField(default=uuid.uuid4, editable=False)
    question_set = TenantForeignKey(
        QuestionSet, db_index=False, on_delete=models.CASCADE, related_name="questions"
    )
    external_id = models.CharField("id in the set", max_length=200)
    text = models.CharField("question", max_length=2_000)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "uuid"], name="question_uuid_once"),
            models.UniqueConstraint(
                fields=["tenant", "question_set", "external_id"], name="question_once_per_set"
            ),
        ]

    def __str__(self) -> str:
        return self.external_id


class Judgement(TenantModel):
    """How well a document, or a passage of it, answers a question.

    It names the document by its UUID, or by the id that the source gives it, which outlives a
    connection that is made anew. A passage is kept by its place and never by its words: those lie
    behind the reader's wall, and here they would not.
    """

    uuid = models.UUIDField(default=uuid.uuid4, editable=False)
    question = TenantForeignKey(
        Question, db_index=False, on_delete=models.CASCADE, related_name="judgements"
    )
    document_uuid = models.UUIDField(null=True)
    document_external_id = models.CharField(max_length=4096, blank=True)
    grade = models.PositiveSmallIntegerField(default=1, validators=[MaxValueValidator(MAX_GRADE)])
    start = models.PositiveIntegerField(null=True)
    end = models.PositiveIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "uuid"], name="judgement_uuid_once"),
            models.CheckConstraint(
                name="judgement_names_one_document",
                condition=models.Q(document_uuid=None, document_external_id__gt="")
                | models.Q(document_uuid__isnull=False, document_external_id=""),
            ),
            models.CheckConstraint(
                name="judgement_of_a_whole_span",
                condition=models.Q(start=None, end=None)
                | models.Q(start__isnull=False, end__isnull=False, start__lt=models.F("end")),
            ),
        ]
        indexes = [models.Index(fields=["tenant", "question"], name="judgement_by_question")]

    def __str__(self) -> str:
        return str(self.uuid)
