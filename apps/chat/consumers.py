"""The chat's WebSocket: takes questions, streams answers, and can be stopped."""

from __future__ import annotations

import asyncio
import json
import logging
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.db import Error as DatabaseFault

from apps.accounts import asker, sockets
from apps.accounts.asker import Asker
from apps.acls import circumstances, request_circumstances
from apps.acls.circumstances import Circumstances
from apps.chat import turns
from apps.chat.answer import answer
from apps.chat.errors import (
    ChatError,
    NotAMember,
    NotUnderstood,
    QuestionLength,
    QuestionPending,
)
from apps.chat.frames import Frames
from apps.chat.streaming import whole
from apps.errors import KenwardError, NotFound
from apps.search.retrieve import MAX_QUERY_CHARS
from apps.tenants.context import tenant_context, user_context
from apps.tenants.transactions import in_transaction

logger = logging.getLogger(__name__)

# Close codes; the browser does not come back after one of these.
SIGNED_OUT, NO_MEMBERSHIP, NO_SUCH_CONVERSATION = 4401, 4403, 4404
_LAST_WORDS_S = 10


class ChatConsumer(AsyncJsonWebsocketConsumer):
    """One socket, one conversation, one answer at a time.

    Answers run in a task of their own: a consumer takes one message after the other, and "stop"
    has to be heard while an answer streams.
    """

    # Tasks that nobody refers to may be collected before they end.
    _writing: ClassVar[set[asyncio.Task[None]]] = set()
    _task: asyncio.Task[None] | None = None
    _current_frames: Frames | None = None
    _is_open = False
    _tenant_id: int | None = None
    _group: str | None = None

    async def connect(self) -> None:
        """Let in whoever is signed in and may open the conversation."""
        self._uuid: UUID = self.scope["url_route"]["kwargs"]["uuid"]
        person = await self._current()
        if person is None:
            await self.close()  # before it was accepted: the handshake fails with 403
            return
        await self.accept()
        self._is_open = True
        self._tenant_id = person.tenant_id
        self._group = sockets.group_of(self._session_key or "")
        await self.channel_layer.group_add(self._group, self.channel_name)
        with tenant_context(person.tenant_id), user_context(person.user.pk):
            try:
                await in_transaction(turns.own_conversation, person.user, self._uuid)
            except NotFound:
                await self._end(NO_SUCH_CONVERSATION)

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None, **_: Any
    ) -> None:
        """Act on a frame from the browser: `ask` with `text`, or `stop`."""
        try:
            frame = json.loads(text_data or "")
        except ValueError:
            frame = None
        kind = frame.get("type") if isinstance(frame, dict) else None
        if kind == "ask":
            await self._ask(frame.get("text"))
        elif kind == "stop":
            self._stop()
        else:
            await self._emit().error(NotUnderstood("Kenward does not understand this."))

    async def disconnect(self, code: int) -> None:
        """Stop what is being written; what there is of it is stored."""
        self._is_open = False
        self._stop()
        if self._group is not None:
            await self.channel_layer.group_discard(self._group, self.channel_name)
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=_LAST_WORDS_S)

    async def session_ended(self, _event: dict[str, Any]) -> None:
        """Close at once: the person has signed out elsewhere."""
        await self._end(SIGNED_OUT)

    async def _ask(self, text: Any) -> None:
        if await self._is_answering():
            pending = QuestionPending("Kenward is still answering.", hint="Stop it, or wait.")
            await self._emit().error(pending)
            return
        question = text.strip() if isinstance(text, str) else ""
        if not 0 < len(question) <= MAX_QUERY_CHARS:
            limit = f"A question has 1 to {MAX_QUERY_CHARS:,} characters."
            await self._emit().error(QuestionLength(limit))
            return
        self._current_frames = self._emit()
        self._task = asyncio.create_task(self._answer(question, self._current_frames))
        self._writing.add(self._task)
        self._task.add_done_callback(self._writing.discard)

    async def _is_answering(self) -> bool:
        if self._task is None or self._task.done():
            return False
        if self._current_frames is None or not self._current_frames.is_over:
            return True
        # The browser has its answer already, and only the task has not quite ended.
        await asyncio.wait({self._task}, timeout=_LAST_WORDS_S)
        return False

    async def _answer(self, question: str, emit: Frames) -> None:
        """Answer one question; whatever goes wrong becomes an error frame, never an answer."""
        # A socket outlives the session and the membership that it was opened with.
        person, is_stopped = await whole(self._current())
        if is_stopped:
            await emit.error(ChatError("Stopped before it began."))
            return
        if person is None or person.tenant_id != self._tenant_id:
            await self._end(SIGNED_OUT if person is None else NO_MEMBERSHIP)
            return
        with (
            tenant_context(person.tenant_id),
            user_context(person.user.pk),
            circumstances.bound(self._circumstances(person)),
        ):
            try:
                how_asked = partial(self._circumstances_now, person)
                await answer(person.user, self._uuid, question, emit, how_asked)
            except NotFound:
                await self._end(NO_SUCH_CONVERSATION)
            except KenwardError as error:
                await self._give_up(person, emit, error)
            except Exception:  # the edge: nobody above would tell the person that it failed
                logger.exception("a question in conversation %s failed", self._uuid)
                fault = ChatError("Something broke on our side.", hint="Try again in a moment.")
                await self._give_up(person, emit, fault)

    async def _give_up(self, person: Asker, emit: Frames, error: KenwardError) -> None:
        if error.detail:
            logger.warning("no answer in conversation %s: %s", self._uuid, error.detail)
        try:
            await in_transaction(
                turns.fail, user=person.user, uuid=self._uuid, reason=error.message
            )
        except DatabaseFault:  # the person is told all the same
            logger.exception("the failure in conversation %s could not be noted", self._uuid)
        await emit.error(error)
        if isinstance(error, NotAMember):
            await self._end(NO_MEMBERSHIP)

    def _stop(self) -> None:
        """Cancel the answer that is being written, if any; it finishes with what it has."""
        task = self._task
        if task is not None and not task.done() and task is not asyncio.current_task():
            task.cancel()

    def _emit(self) -> Frames:
        return Frames(self._send_frame)

    async def _send_frame(self, frame: dict[str, Any]) -> None:
        if self._is_open:
            await self.send_json(frame)

    async def _end(self, code: int) -> None:
        self._stop()
        if self._is_open:
            self._is_open = False
            await self.close(code=code)

    def _circumstances(self, person: Asker) -> Circumstances:
        """Return how this question is asked; the session may have changed since the last one."""
        address = request_circumstances.address_of_socket(self.scope)
        return Circumstances(has_mfa=person.has_mfa, address=address)

    async def _circumstances_now(self, asker: Asker) -> Circumstances:
        """Return how the session would ask now; one that is another's, or gone, brings nothing."""
        now = await self._current()
        same = now is not None and (now.user.pk, now.tenant_id) == (asker.user.pk, asker.tenant_id)
        return self._circumstances(now) if now is not None and same else Circumstances()

    async def _current(self) -> Asker | None:
        return await asker.current(self._session_key)

    @property
    def _session_key(self) -> str | None:
        key: str | None = self.scope["session"].session_key
        return key
