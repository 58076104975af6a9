"""A stored conversation as the page shows it: evidence is checked again each time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.safestring import SafeString

from apps.accounts.models import User
from apps.chat import evidence, notices, rendering, turns
from apps.chat.evidence import Source
from apps.chat.models import Conversation, Message
from apps.chat.turns import Turn

_LISTED = 100


@dataclass(frozen=True, slots=True)
class ConversationView:
    """A line of the history."""

    uuid: UUID
    title: str
    updated_at: datetime
    is_current: bool


@dataclass(frozen=True, slots=True)
class AnswerView:
    """An answer; a hidden one has no text, and nothing of it reaches the page."""

    uuid: UUID
    html: SafeString
    outcome: str
    notice: str
    is_hidden: bool


@dataclass(frozen=True, slots=True)
class TurnView:
    """A question with its answer, if there is one, and the sources beside it."""

    question: str
    asked_at: datetime
    answer: AnswerView | None
    sources: tuple[Source, ...]


def history(user: User, current: UUID) -> list[ConversationView]:
    """Return the person's conversations, the last used first."""
    own = Conversation.objects.filter(user=user).order_by("-updated_at")[:_LISTED]
    return [
        ConversationView(each.uuid, each.title, each.updated_at, each.uuid == current)
        for each in own
    ]


def shown(user: User, conversation: Conversation) -> list[TurnView]:
    """Return the turns as the person may see them now; in a transaction."""
    past = turns.of(conversation)
    readable = evidence.sources(user, [c for turn in past for c in turn.citations])
    return [_turn(turn, readable) for turn in past]


def _turn(turn: Turn, readable: Mapping[int, Source]) -> TurnView:
    is_hidden = any(citation.pk not in readable for citation in turn.citations)
    sources = [readable[c.pk] for c in turn.citations if c.pk in readable and not c.is_carried]
    answer = _answer(turn.answer, sources, is_hidden=is_hidden) if turn.answer else None
    return TurnView(
        question=turn.question.text,
        asked_at=turn.question.created_at,
        answer=answer,
        sources=tuple(sources),
    )


def _answer(message: Message, sources: Sequence[Source], *, is_hidden: bool) -> AnswerView:
    if is_hidden:
        return AnswerView(message.uuid, SafeString(""), message.outcome, "", is_hidden=True)
    is_failed = message.outcome == Message.Outcome.FAILED
    urls = {source.number: source.url for source in sources}
    return AnswerView(
        uuid=message.uuid,
        html=SafeString("") if is_failed else rendering.render(message.text, urls),
        outcome=message.outcome,
        notice=notices.of(message, is_citing=any(source.is_cited for source in sources)),
        is_hidden=False,
    )
