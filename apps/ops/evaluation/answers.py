"""Asks for whole answers, as the chat gives them, and judges what they cite."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import transaction

from apps.accounts.models import User
from apps.chat import model_client
from apps.chat.answer import answer
from apps.chat.errors import ChatError
from apps.chat.frames import Frames
from apps.chat.models import Citation, Message
from apps.documents.models import DocumentText
from apps.search.evaluation.questions import Judgement
from apps.search.evaluation.tally import Judged
from apps.tenants.context import tenant_context, unrestricted_reading, user_context
from apps.tenants.models import Tenant


@dataclass(frozen=True, slots=True)
class Cited:
    """A passage that an answer cites: characters [start, end) of a document, and what they say."""

    document_id: int
    start: int
    end: int
    text: str

    def holds(self, document_id: int, judgement: Judgement) -> bool:
        """Return whether what was judged stands in it."""
        return self.document_id == document_id and judgement.is_in(self.start, self.end, self.text)


@dataclass
class Precision:
    """Precision and recall of citations, question by question."""

    precisions: list[float] = field(default_factory=list)
    recalls: list[float] = field(default_factory=list)

    def add(self, judged: Judged, cited: Sequence[Cited]) -> None:
        """Add one answer; one that cites nothing has no precision, and recall 0."""
        if cited:
            right = [any(one.holds(pk, wanted) for pk, wanted in judged) for one in cited]
            self.precisions.append(sum(right) / len(cited))
        found = [any(one.holds(pk, wanted) for one in cited) for pk, wanted in judged]
        self.recalls.append(sum(found) / len(judged))

    def as_json(self) -> dict[str, Any]:
        """Return the means."""
        return {
            "precision": round(statistics.fmean(self.precisions or [0.0]), 4),
            "recall": round(statistics.fmean(self.recalls), 4),
            "questions": len(self.recalls),
        }


@dataclass
class Answers:
    """What the answers cite.

    Attributes:
        documents: whether the cited documents are those judged relevant.
        passages: whether the cited passages hold the judged ones, of questions with such.
        failed: questions to which there was no answer at all.
    """

    documents: Precision = field(default_factory=Precision)
    passages: Precision = field(default_factory=Precision)
    asked: int = 0
    citing: int = 0
    failed: int = 0

    def add(self, judged: Judged, cited: Sequence[Cited] | None) -> None:
        """Add the answer to a question that something answers; None: it failed."""
        self.asked += 1
        self.failed += cited is None
        self.citing += bool(cited)
        relevant = [(pk, one) for pk, one in judged if one.grade > 0]
        whole = {pk: Judgement(one.document, one.grade) for pk, one in relevant}
        self.documents.add(list(whole.items()), cited or ())
        passages = [(pk, one) for pk, one in relevant if one.has_passage]
        # A document of which no passage was judged could hold what is cited anywhere.
        if passages and {pk for pk, _ in passages} == whole.keys():
            self.passages.add(passages, cited or ())

    def as_json(self) -> dict[str, Any]:
        """Return the figures, and what wrote the answers."""
        told = {
            "by": settings.LLM_MODEL if model_client.is_configured() else "quotes, no model",
            "questions": self.asked,
            "citing": self.citing,
            "failed": self.failed,
        }
        for unit, figures in (("documents", self.documents), ("passages", self.passages)):
            if figures.recalls:
                told[unit] = figures.as_json()
        return told


def cited(tenant: Tenant, user: User, question: str) -> list[Cited] | None:
    """Ask the chat and return what its answer cites; None if there is no answer.

    A conversation is stored, so this is for a tenant that is deleted afterwards.
    """
    conversation = uuid4()
    with tenant_context(tenant):
        try:
            with user_context(user.pk):
                asyncio.run(answer(user, conversation, question, Frames(_unheard)))
        except ChatError:
            return None
        with unrestricted_reading(), transaction.atomic():
            messages = Message.objects.filter(conversation__uuid=conversation)
            rows = Citation.objects.filter(message__in=messages, is_cited=True)
            return [_cited(row) for row in rows.order_by("number")]


def _cited(row: Citation) -> Cited:
    text = DocumentText.objects.get(document_id=row.document_id).text
    return Cited(row.document_id, row.start, row.end, text[row.start : row.end])


async def _unheard(_frame: dict[str, Any]) -> None:
    """Let frames go: the stored answer has everything."""
