"""Keeps a tenant's own questions: reads and writes them as JSON lines, and finds what they name.

All functions run in the caller's transaction with the tenant bound.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from django.db import models as orm
from django.db.models import Prefetch

from apps import audit
from apps.documents.models import Document
from apps.documents.passages import Span
from apps.errors import InvalidInput
from apps.search.evaluation import questions
from apps.search.evaluation.questions import Question
from apps.search.models import Judgement, QuestionSet
from apps.search.models import Question as StoredQuestion
from apps.tenants.context import required_tenant_id

MAX_QUESTIONS = 10_000
MAX_JUDGEMENTS = 1_000  # of one question
_MOST_AT_ONCE = 50_000
_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import brought.

    Attributes:
        added: questions that are new; `replaced`: that were there under their id.
        unknown: judged documents that Kenward does not hold (yet).
        passages_dropped: passages that were given as words, whose documents count as a whole:
            words of documents are not kept with questions.
    """

    added: int
    replaced: int
    unknown: int
    passages_dropped: int


def read(kept: QuestionSet, lines: Iterable[str]) -> list[Question]:
    """Return the questions of JSON lines, which a set has room for.

    Args:
        kept: the set; it may be one that is not stored yet.
        lines: see `questions`.

    Raises:
        NotQuestions: a line cannot be read.
        InvalidInput: there are too many.
    """
    told = list(questions.read(lines, where="the file"))
    new = {one.id for one in told}
    others = StoredQuestion.objects.filter(question_set_id=kept.pk).exclude(external_id__in=new)
    if others.count() + len(new) > MAX_QUESTIONS:
        raise InvalidInput(f"A set has at most {MAX_QUESTIONS:,} questions.")
    if any(len(one.judgements) > MAX_JUDGEMENTS for one in told):
        raise InvalidInput(f"A question has at most {MAX_JUDGEMENTS:,} judgements.")
    if sum(len(one.judgements) for one in told) > _MOST_AT_ONCE:
        raise InvalidInput(f"A file has at most {_MOST_AT_ONCE:,} judgements; divide it.")
    return told


def put(kept: QuestionSet, told: Sequence[Question], *, actor_id: int) -> Imported:
    """Put questions into a set; one whose id is there already is replaced.

    Args:
        kept: the set.
        told: as `read` returned them.
        actor_id: whose act it is.
    """
    there = set(kept.questions.values_list("external_id", flat=True))
    rows = StoredQuestion.objects.bulk_create(
        [
            StoredQuestion(
                tenant_id=kept.tenant_id, question_set=kept, external_id=one.id, text=one.text
            )
            for one in told
        ],
        update_conflicts=True,
        unique_fields=["tenant", "question_set", "external_id"],
        update_fields=["text"],
        batch_size=_BATCH,
    )
    _judge({row: one.judgements for row, one in zip(rows, told, strict=True)})
    dropped = sum(bool(each.text) for one in told for each in one.judgements)
    named = {each.document for one in told for each in one.judgements}
    replaced = sum(one.id in there for one in told)
    imported = Imported(
        added=len(told) - replaced,
        replaced=replaced,
        unknown=len(named - known(named).keys()),
        passages_dropped=dropped,
    )
    audit.record(
        "questionset.imported",
        tenant_id=required_tenant_id(),
        actor_id=actor_id,
        target=kept,
        added=imported.added,
        replaced=imported.replaced,
    )
    return imported


def export_lines(kept: QuestionSet, *, actor_id: int) -> list[str]:
    """Return the set's questions as JSON lines, and record that somebody took them."""
    lines = [questions.written(one) for one in of(kept)]
    audit.record(
        "questionset.exported",
        tenant_id=required_tenant_id(),
        actor_id=actor_id,
        target=kept,
        questions=len(lines),
    )
    return lines


def of(kept: QuestionSet) -> Iterator[Question]:
    """Yield the questions of a set, by their ids."""
    rows = kept.questions.order_by("external_id").prefetch_related(
        Prefetch("judgements", Judgement.objects.order_by("pk"))
    )
    for row in rows.iterator(chunk_size=500):
        judged = tuple(_judgement(one) for one in row.judgements.all())
        yield Question(row.external_id, row.text, judged)


def judgements_of(row: StoredQuestion) -> list[questions.Judgement]:
    """Return what answers a stored question."""
    return [_judgement(one) for one in row.judgements.order_by("pk")]


def judge(row: StoredQuestion, told: Sequence[questions.Judgement]) -> None:
    """Make a question's judgements exactly these."""
    _judge({row: told})


def known(names: Collection[str]) -> dict[str, list[int]]:
    """Return the live documents by the UUIDs or the sources' ids that name them.

    Two sources may give two documents one id: then both are meant. What nobody may know of
    (canaries) is not there.
    """
    found: dict[str, list[int]] = {}
    uuids = {uuid: name for name in names if (uuid := as_uuid(name)) is not None}
    live = Document.objects.live().of_the_organisation().order_by("pk")
    by_id = orm.Q(uuid__in=list(uuids)) | orm.Q(
        external_id__in=[name for name in names if name not in uuids.values()]
    )
    for pk, uuid, external_id in live.filter(by_id).values_list("pk", "uuid", "external_id"):
        found.setdefault(uuids.get(uuid, external_id), []).append(pk)
    return found


def as_uuid(name: str) -> UUID | None:
    """Return the UUID that a document is named by, or None where it is named by its source's id."""
    with suppress(ValueError):
        # Other spellings of UUIDs could be ids of a source.
        if str(UUID(name)) == name.lower():
            return UUID(name)
    return None


def _judge(told: Mapping[StoredQuestion, Sequence[questions.Judgement]]) -> None:
    Judgement.objects.filter(question__in=told).delete()
    rows = [_row(row, one) for row, judged in told.items() for one in _without_words(judged)]
    Judgement.objects.bulk_create(rows, batch_size=_BATCH)


def _without_words(told: Sequence[questions.Judgement]) -> Iterator[questions.Judgement]:
    """Yield each document or passage once, with its best grade."""
    best: dict[tuple[str, Span | None], int] = {}
    for one in told:
        place = (one.document, one.span)
        best[place] = max(one.grade, best.get(place, 0))
    for (document, span), grade in best.items():
        yield questions.Judgement(document, grade, span)


def _row(row: StoredQuestion, one: questions.Judgement) -> Judgement:
    uuid = as_uuid(one.document)
    return Judgement(
        tenant_id=row.tenant_id,
        question=row,
        document_uuid=uuid,
        document_external_id="" if uuid else one.document,
        grade=one.grade,
        start=one.span.start if one.span else None,
        end=one.span.end if one.span else None,
    )


def _judgement(row: Judgement) -> questions.Judgement:
    return questions.Judgement(
        str(row.document_uuid or row.document_external_id),
        row.grade,
        None if row.start is None or row.end is None else Span(row.start, row.end),
    )
