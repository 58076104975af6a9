"""READING PAGE: the way of a question to its answer, from top to bottom.

No database connection is held while a model streams: each step has a short transaction of its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import ParamSpec, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError

from apps.accounts.models import User
from apps.acls import circumstances, resolve
from apps.acls.circumstances import Circumstances
from apps.acls.errors import NoMembership
from apps.chat import (
    citations,
    condense,
    evidence,
    expand,
    extractive,
    model_client,
    notices,
    prompt,
    receipts,
    rendering,
    turns,
)
from apps.chat.errors import EvidenceWithdrawn, NotAMember, SearchUnavailable
from apps.chat.frames import Frames
from apps.chat.models import Message
from apps.chat.receipts import Receipt
from apps.chat.streaming import forgive_cancellation, gathered, whole
from apps.chat.turns import Answer, Asked, PastTurn
from apps.documents import canaries
from apps.documents.canaries import CanaryPassed
from apps.documents.canary_alarm import raise_alarm
from apps.documents.scope import Scope
from apps.errors import Unavailable
from apps.search import expansion, retrieve, stages
from apps.search.embeddings.embedding import EmbeddingMismatch
from apps.search.release import Passage
from apps.search.retrieve import How
from apps.tenants.models import Membership
from apps.tenants.transactions import in_transaction

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")
HowAsked = Callable[[], Awaitable[Circumstances]]

_PASSAGES = 8
_SOURCE_TOKENS = 6_000


@dataclass(slots=True)
class _Draft:
    """An answer while it is being written."""

    passages: tuple[Passage, ...] = ()
    history: tuple[PastTurn, ...] = ()
    receipts: dict[int, Receipt] = field(default_factory=dict)
    text: str = ""
    outcome: Message.Outcome = Message.Outcome.ANSWERED


async def _as_bound() -> Circumstances:
    return circumstances.current()


async def answer(
    user: User, conversation: UUID, question: str, emit: Frames, how_asked: HowAsked = _as_bound
) -> None:
    """Answer a question from what the person may read, and store the answer with its evidence.

    Cancelling the task that runs this means "stop": what has been written by then is stored and
    shown. The tenant and the person are bound by the caller.

    Args:
        user: who asks.
        conversation: its uuid; a new one begins a conversation.
        question: 1 to 2,000 characters.
        emit: where the answer goes while it is written.
        how_asked: tells the circumstances of the session, which may change until it is stored.

    Raises:
        ChatError: there is no answer, and none was stored; the message says why.
        NotFound: the conversation is somebody else's.
    """
    begin = in_transaction(turns.begin, user=user, uuid=conversation, text=question)
    asked, is_stopped = await whole(begin)
    draft = _Draft()
    try:
        if is_stopped:
            raise asyncio.CancelledError
        query = await condense.standalone(question, asked.history)
        found = await _retrieve(user, query)
        # Time has passed since they were found: once more, right before they are used.
        await _judged(how_asked, _take_readable, user, draft, found, asked.history)
        await _refuse_canaries(user, draft.passages)
        await emit.sources(query, evidence.listed(draft.passages, draft.receipts))
        async with aclosing(gathered(_pieces(question, query, draft))) as stream:
            async for text in stream:
                draft.text += text
                await emit.token(text)
    except asyncio.CancelledError:
        forgive_cancellation()
        draft.outcome = Message.Outcome.STOPPED
    await whole(_finish(user, asked, draft, emit, how_asked))


async def _judged(
    how_asked: HowAsked, step: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Take a step in the circumstances of the session as they are now."""
    with circumstances.bound(await how_asked()):
        return await in_transaction(step, *args, **kwargs)


async def _retrieve(user: User, query: str) -> tuple[Passage, ...]:
    """Return the passages that the person may read and that answer best.

    Raises:
        NotAMember: the person does not belong to the tenant.
        SearchUnavailable: nothing is known about what there is.
    """
    try:
        used = await in_transaction(stages.of_tenant)
        more = await expand.expanded(query, used.expansion)
        how = How(token_budget=_SOURCE_TOKENS, expanded=more, stages=used)
        # Remembered, so that no transaction is open while an embedding endpoint thinks.
        await asyncio.to_thread(expansion.vectors, retrieve.clean(query), more)
        return await in_transaction(_found, user, query, how)
    except NoMembership as error:
        raise NotAMember(
            "You do not belong to this organisation, so nothing can be read."
        ) from error
    except (Unavailable, EmbeddingMismatch, DatabaseError) as error:
        logger.warning("search failed: %r %s", error, getattr(error, "detail", ""))
        raise SearchUnavailable(
            "I could not search just now.", hint="Try again in a moment."
        ) from error


def _found(user: User, query: str, how: How) -> tuple[Passage, ...]:
    how = replace(how, department=Membership.objects.department_of(user.pk))

    def run(scope: Scope) -> tuple[bool, tuple[Passage, ...]]:
        retrieved = retrieve.retrieve(query, scope, _PASSAGES, how=how)
        return retrieved.ok, retrieved.passages

    return resolve.reading(user, run)


def _take_readable(
    user: User, draft: _Draft, found: Sequence[Passage], history: Sequence[PastTurn]
) -> None:
    """Put into the draft what may go into the prompt at this moment.

    Raises:
        EvidenceWithdrawn: the question was rewritten with an answer that may no longer be read.
    """
    carried = {place.document_id for turn in history for place in turn.rests_on}
    readable = evidence.readable(user, {p.document_id for p in found} | carried)
    draft.receipts = receipts.made(user, readable)
    readable &= draft.receipts.keys()
    draft.passages = tuple(p for p in found if p.document_id in readable)
    if model_client.is_configured():
        if not carried <= readable:
            raise _withdrawn()
        draft.history = tuple(history)


async def _refuse_canaries(user: User, passages: Sequence[Passage]) -> None:
    """Stop before a model is asked: a paraphrase would carry no marker any more.

    Raises:
        CanaryPassed: among the passages is one that nobody may read.
    """
    try:
        canaries.refuse(f"{passage.title} {passage.wide_text}" for passage in passages)
    except CanaryPassed as stopped:
        await in_transaction(raise_alarm, stopped.marker, way_out="chat.prompt", user_id=user.pk)
        raise


async def _pieces(question: str, query: str, draft: _Draft) -> AsyncIterator[str]:
    """Yield the answer of the model, or of the extractive answerer where there is none."""
    if not draft.passages:
        draft.outcome = Message.Outcome.NOTHING_FOUND
        return
    if model_client.is_configured():
        written = model_client.stream(prompt.messages(question, draft.passages, draft.history))
    else:
        written = extractive.pieces(query, draft.passages)
    async for piece in written:
        yield piece


async def _finish(
    user: User, asked: Asked, draft: _Draft, emit: Frames, how_asked: HowAsked
) -> None:
    checked = citations.check(draft.text, range(1, len(draft.passages) + 1))
    message = await _judged(how_asked, _store, user, asked, draft, checked)
    urls = {source.number: source.url for source in evidence.listed(draft.passages)}
    await emit.done(
        message=str(message.uuid),
        html=rendering.render(message.text, urls),
        outcome=message.outcome,
        notice=notices.of(message, is_citing=bool(checked.cited)),
        cited=checked.cited,
        conversation={"uuid": str(asked.conversation.uuid), "title": asked.conversation.title},
    )


def _store(user: User, asked: Asked, draft: _Draft, checked: citations.Checked) -> Message:
    """Store the answer, if its reader may still read all that it rests on.

    Raises:
        EvidenceWithdrawn: not so; the answer is withheld.
    """
    is_found = draft.outcome != Message.Outcome.NOTHING_FOUND
    stored = Answer(
        text=checked.text if is_found else notices.NOTHING_FOUND,
        outcome=draft.outcome,
        passages=draft.passages,
        cited=checked.cited,
        receipts=draft.receipts,
        carried=[place for turn in draft.history for place in turn.rests_on],
        model_name=settings.LLM_MODEL if is_found and model_client.is_configured() else "",
    )
    if not stored.document_ids <= evidence.readable(user, stored.document_ids):
        raise _withdrawn()
    return turns.finish(user=user, conversation=asked.conversation, answer=stored)


def _withdrawn() -> EvidenceWithdrawn:
    return EvidenceWithdrawn(
        "This answer is withheld because you can no longer read a document it rests on.",
        hint="Try again answers from what you may read now.",
    )
