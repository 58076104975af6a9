"""Asks a tenant's own questions of its live index, as one of its members would.

What that member may not read is neither found nor missed: judgements of it are left out, and
counted. Nothing is written but the audit trail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from django.db import transaction

from apps import audit
from apps.accounts.models import User
from apps.documents import scope as scopes
from apps.documents.scope import IS_READABLE_DOCUMENT
from apps.errors import NotFound
from apps.search import retrieve, stages
from apps.search.evaluation import asking, gains, question_sets
from apps.search.evaluation import questions as asked
from apps.search.evaluation.questions import Question, Split
from apps.search.evaluation.tally import Judged, Tally
from apps.search.models import QuestionSet
from apps.search.retrieve import How
from apps.tenants.context import tenant_context
from apps.tenants.models import Membership, Tenant

_READABLE = (
    f"SELECT d.id FROM documents_document d WHERE {IS_READABLE_DOCUMENT}"  # noqa: S608  no value stands in it
    " AND d.id = ANY (%(ids)s::bigint[])"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be measured.

    Attributes:
        tenant: its slug.
        questions: the name of the set.
        email: of the member who asks.
        with_gains: ask again without each stage, to see what it brings.
    """

    tenant: str
    questions: str
    email: str
    split: Split | None = None
    candidates: int = retrieve.CANDIDATES
    with_gains: bool = False


@dataclass
class _LeftOut:
    """Judgements and questions that the figures do not count."""

    judgements: dict[str, int] = field(default_factory=lambda: {"gone": 0, "unreadable": 0})
    questions: int = 0

    def as_json(self) -> dict[str, int]:
        """Return what was left out, by why; nothing where nothing was."""
        told = {
            "judged documents that are not there": self.judgements["gone"],
            "judged documents that the member may not read": self.judgements["unreadable"],
            "questions of which nothing else is left": self.questions,
        }
        return {what: count for what, count in told.items() if count}


def evaluate(wanted: Wanted) -> dict[str, Any]:
    """Ask the questions and return the figures; recorded in the tenant's audit trail.

    Raises:
        NotFound: no such tenant, set or active member.
        EmbeddingUnavailable: a question has no vector just now.
    """
    tenant = Tenant.objects.filter(slug=wanted.tenant, is_active=True).first()
    if tenant is None:
        raise NotFound(f"There is no organisation “{wanted.tenant}”.")
    split = wanted.split or Split.ALL
    with tenant_context(tenant):
        with transaction.atomic():
            user = _member(tenant, wanted.email)
            kept = QuestionSet.objects.filter(name=wanted.questions).first()
            if kept is None:
                raise NotFound(f"{tenant.slug} has no question set “{wanted.questions}”.")
            chosen = asked.of_split(question_sets.of(kept), split)
            # Before the first question: a run that is broken off has read, too.
            audit.record(
                "questionset.evaluated",
                tenant_id=tenant.pk,
                target=kept,
                user_id=user.pk,
                questions=len(chosen),
                split=split.value,
            )
            used = stages.of_tenant()
            how = How(
                candidates=wanted.candidates,
                department=Membership.objects.department_of(user.pk),
                stages=used,
            )
        tally, left_out = _ask_all(user, chosen, how)
        told = {"name": f"{tenant.slug}: {kept.name}", "split": split.value, **tally.as_json()}
        told["left_out"] = left_out.as_json()
        if wanted.with_gains:
            told["gains"] = gains.of(
                used, lambda less: _ask_all(user, chosen, replace(how, stages=less))[0]
            )
    return told | {"settings": {"candidates": wanted.candidates, **asdict(used)}}


def _ask_all(user: User, chosen: Sequence[Question], how: How) -> tuple[Tally, _LeftOut]:
    tally, left_out = Tally(), _LeftOut()
    for question in chosen:
        _ask(user, question, how, tally, left_out)
    return tally, left_out


def _member(tenant: Tenant, email: str) -> User:
    usable = Membership.objects.usable().filter(tenant=tenant, user__email=email.lower())
    found = usable.select_related("user").first()
    if found is None:
        raise NotFound(f"No active member of {tenant.slug} signs in with {email}.")
    return found.user


def _ask(user: User, question: Question, how: How, tally: Tally, left_out: _LeftOut) -> None:
    with transaction.atomic():
        judged = _judged(user, question, left_out)
    if question.is_answerable and not any(one.grade > 0 for _, one in judged):
        left_out.questions += 1
        return
    heard = asking.ask(user, question.text, how=how)
    tally.add(question.id, heard, judged)


def _judged(user: User, question: Question, left_out: _LeftOut) -> Judged:
    """Return what answers a question for this member."""
    known = question_sets.known(question.grades.keys())
    ids = [pk for found in known.values() for pk in found]
    rows = scopes.rows_for(user, _READABLE, "found.id", {"ids": ids})
    readable = {pk for (pk,) in rows}
    left_out.judgements["gone"] += len(question.grades.keys() - known.keys())
    left_out.judgements["unreadable"] += len(set(ids) - readable)
    return [
        (pk, one)
        for one in question.judgements
        for pk in known.get(one.document, ())
        if pk in readable
    ]
