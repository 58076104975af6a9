"""Writes questions and answers, and reads them back as turns of a conversation.

All functions run in the caller's transaction with the tenant bound.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.utils import timezone

from apps import audit
from apps.accounts.models import User
from apps.chat import evidence
from apps.chat.models import Citation, Conversation, Message
from apps.chat.receipts import Receipt
from apps.errors import NotFound
from apps.search.release import Passage
from apps.tenants.context import required_tenant_id

_TITLE_CHARS = 80
# Turns that a follow-up question may refer to.
_HISTORY_TURNS = 4
_TOLD = (Message.Outcome.ANSWERED, Message.Outcome.STOPPED)


@dataclass(frozen=True, slots=True)
class Place:
    """A passage as a citation keeps it: characters [start, end) of a document's text."""

    document_id: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Turn:
    """A question with its answer, if there is one, and the citations of the answer."""

    question: Message
    answer: Message | None = None
    citations: tuple[Citation, ...] = ()


@dataclass(frozen=True, slots=True)
class PastTurn:
    """What a later question may build on; the asker may read all of its evidence.

    Attributes:
        answer: empty if nothing was found.
        rests_on: one place in each document that the answer rests on.
    """

    question: str
    answer: str
    rests_on: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that was taken down.

    Attributes:
        conversation: where it stands.
        history: the turns before it, oldest first.
    """

    conversation: Conversation
    history: tuple[PastTurn, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is to be stored.

    Attributes:
        text: Markdown with [n].
        passages: what was in the prompt, in the order of the numbers.
        cited: numbers that the text names.
        carried: evidence of earlier answers that were in the prompt.
        model_name: empty when no model wrote it.
        receipts: why the asker could read each of the documents, by their ids.
    """

    text: str
    outcome: Message.Outcome
    passages: Sequence[Passage] = ()
    cited: Collection[int] = ()
    carried: Sequence[Place] = ()
    model_name: str = ""
    receipts: Mapping[int, Receipt] = field(default_factory=dict)

    @property
    def document_ids(self) -> set[int]:
        """Every document that it rests on."""
        return {p.document_id for p in self.passages} | {p.document_id for p in self.carried}


@dataclass(slots=True)
class _Open:
    question: Message
    answer: Message | None = None
    citations: list[Citation] = field(default_factory=list)


def own_conversation(user: User, uuid: UUID) -> Conversation | None:
    """Return the person's conversation, or None when nobody has begun it yet.

    Raises:
        NotFound: it is somebody else's.
    """
    found = Conversation.objects.filter(uuid=uuid).first()
    if found is not None and found.user_id != user.pk:
        raise NotFound("There is no such conversation.")
    return found


def begin(*, user: User, uuid: UUID, text: str) -> Asked:
    """Take down a question; the first one makes the conversation.

    A question that is asked once more because it got no answer is not written twice.

    Raises:
        NotFound: the conversation is somebody else's.
    """
    tenant_id = required_tenant_id()
    conversation = own_conversation(user, uuid) or Conversation.objects.create(
        tenant_id=tenant_id, uuid=uuid, user=user, title=_title(text)
    )
    past = of(conversation)
    if not _is_asked_again(past, text):
        message = Message.objects.create(
            tenant_id=tenant_id, conversation=conversation, author=Message.Author.USER, text=text
        )
        audit.record("chat.asked", tenant_id=tenant_id, actor_id=user.pk, target=message)
    Conversation.objects.filter(pk=conversation.pk).update(updated_at=timezone.now())
    return Asked(conversation, _history(user, past))


def finish(*, user: User, conversation: Conversation, answer: Answer) -> Message:
    """Store an answer with everything it rests on."""
    tenant_id = required_tenant_id()
    message = Message.objects.create(
        tenant_id=tenant_id,
        conversation=conversation,
        author=Message.Author.ASSISTANT,
        text=answer.text,
        outcome=answer.outcome,
        model_name=answer.model_name[:200],
    )
    Citation.objects.bulk_create(_citations(tenant_id, message, answer))
    audit.record(
        "chat.answered",
        tenant_id=tenant_id,
        actor_id=user.pk,
        target=message,
        outcome=str(answer.outcome),
        document_ids=sorted(answer.document_ids),
        receipts=[
            answer.receipts[pk].for_audit(pk)
            for pk in sorted(answer.document_ids & answer.receipts.keys())
        ],
    )
    return message


def fail(*, user: User, uuid: UUID, reason: str) -> None:
    """Note that the last question got no answer, so that the conversation says so later.

    Args:
        user: who asked.
        uuid: of the conversation; without a question waiting in it nothing happens.
        reason: for the asker, never a part of an answer.
    """
    conversation = own_conversation(user, uuid)
    last = conversation.messages.order_by("id").last() if conversation else None
    if conversation is None or last is None or last.author != Message.Author.USER:
        return
    finish(user=user, conversation=conversation, answer=Answer(reason, Message.Outcome.FAILED))


def delete(*, user: User, uuid: UUID) -> None:
    """Delete a conversation of the person with all that is in it.

    Raises:
        NotFound: the person has no such conversation.
    """
    conversation = own_conversation(user, uuid)
    if conversation is None:
        raise NotFound("There is no such conversation.")
    audit.record(
        "chat.deleted", tenant_id=conversation.tenant_id, actor_id=user.pk, target=conversation
    )
    conversation.delete()


def of(conversation: Conversation) -> list[Turn]:
    """Return the turns of a conversation, oldest first."""
    turns: list[_Open] = []
    messages = conversation.messages.order_by("id").prefetch_related("citations")
    for message in messages:
        if message.author == Message.Author.USER:
            turns.append(_Open(message))
        elif turns:
            turns[-1].answer = message
            turns[-1].citations = sorted(message.citations.all(), key=lambda c: c.number)
    return [Turn(turn.question, turn.answer, tuple(turn.citations)) for turn in turns]


def _is_asked_again(past: Sequence[Turn], text: str) -> bool:
    if not past or past[-1].question.text != text:
        return False
    answer = past[-1].answer
    if answer is None:
        return True
    if answer.outcome == Message.Outcome.FAILED:
        answer.delete()
        return True
    return False


def _history(user: User, past: Sequence[Turn]) -> tuple[PastTurn, ...]:
    """Return the last answered turns, without those that rest on what is readable no more."""
    answered = [turn for turn in past if turn.answer and turn.answer.outcome != "failed"]
    recent = answered[-_HISTORY_TURNS:]
    readable = evidence.readable(user, [c.document_id for turn in recent for c in turn.citations])
    return tuple(
        _past(turn) for turn in recent if {c.document_id for c in turn.citations} <= readable
    )


def _past(turn: Turn) -> PastTurn:
    is_told = turn.answer is not None and turn.answer.outcome in _TOLD
    by_document = {c.document_id: Place(c.document_id, c.start, c.end) for c in turn.citations}
    return PastTurn(
        question=turn.question.text,
        answer=turn.answer.text if turn.answer and is_told else "",
        rests_on=tuple(by_document.values()),
    )


def _citations(tenant_id: int, message: Message, answer: Answer) -> list[Citation]:
    own = [Place(p.document_id, p.start, p.end) for p in answer.passages]
    seen = {place.document_id for place in own}
    carried = {p.document_id: p for p in answer.carried if p.document_id not in seen}
    receipts = {pk: receipt.as_json() for pk, receipt in answer.receipts.items()}
    return [
        Citation(
            tenant_id=tenant_id,
            message=message,
            document_id=place.document_id,
            number=number,
            is_cited=number in answer.cited,
            is_carried=number > len(own),
            start=place.start,
            end=place.end,
            receipt=receipts.get(place.document_id, {}),
        )
        for number, place in enumerate([*own, *carried.values()], start=1)
    ]


def _title(question: str) -> str:
    line = " ".join(question.split())
    if len(line) <= _TITLE_CHARS:
        return line
    cut = line[: _TITLE_CHARS - 1]
    return (cut.rpartition(" ")[0] or cut) + "…"
