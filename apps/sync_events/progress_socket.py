"""The admin's WebSocket for syncs: pushes what changes about the runs that a page shows.

A page says which runs it shows (`watch`). Whenever one of them is told of (`progress_events`), and
every other second while one of them is under way, their changed parts go out, at most four times a
second. Who looks is asked anew each time: a socket outlives its person's rights.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar

from channels.generic.websocket import AsyncJsonWebsocketConsumer

from apps.accounts import asker, sockets
from apps.accounts.asker import Asker
from apps.sync_events import progress_events
from apps.sync_events.admin import progress
from apps.sync_events.models import SyncRun
from apps.tenants.context import tenant_context, user_context
from apps.tenants.transactions import in_transaction

logger = logging.getLogger(__name__)

# Close codes; the browser does not come back after one of the first two.
SIGNED_OUT, NOT_ALLOWED, FAULT = 4401, 4403, 1011
# Runs that one page may watch, and digits of the largest id.
WATCHED_AT_MOST = 100
_MOST_DIGITS = 18
# No socket is sent more often than this (seconds).
APART_S = 0.25
# How often runs under way are looked at without being told of, and how often rights are (seconds).
TICK_S = 2.0
CHECK_S = 10.0


@dataclass
class _Page:
    """What one page shows, and what it was last sent of it."""

    watched: set[int] = field(default_factory=set)
    newest: int | None = None
    sent: dict[int, dict[str, str | bool]] = field(default_factory=dict)
    newer_sent: int = 0

    def changed_parts(self, found: dict[int, dict[str, str | bool]]) -> dict[str, Any]:
        """Return what differs from what was sent, by run, and remember it as sent."""
        told = {}
        for run_id, parts in found.items():
            before = self.sent.get(run_id, {})
            differs = {name: html for name, html in parts.items() if before.get(name) != html}
            if differs:
                told[str(run_id)] = differs
        self.sent.update(found)
        return told

    @property
    def under_way(self) -> set[int]:
        """The watched runs that may still change."""
        return {one for one in self.watched if self.sent.get(one, {}).get("unfinished", True)}


class ProgressConsumer(AsyncJsonWebsocketConsumer):
    """One socket, one page of the admin."""

    # Tasks that nobody refers to may be collected before they end.
    _following: ClassVar[set[asyncio.Task[None]]] = set()
    _task: asyncio.Task[None] | None = None
    _is_open = False
    _tenant_id: int | None = None
    _groups: tuple[str, ...] = ()

    async def connect(self) -> None:
        """Let in whoever may see Sync Events in the tenant that the session is in."""
        self._page = _Page()
        self._told: set[int] = set()
        self._wake = asyncio.Event()
        person = await self._current()
        if person is None or not await self._look(person, ()):
            await self.close()  # before it was accepted: the handshake fails with 403
            return
        self._tenant_id = person.tenant_id
        self._groups = (
            sockets.group_of(self._session_key or ""),
            progress_events.group_of(person.tenant_id),
        )
        for group in self._groups:
            await self.channel_layer.group_add(group, self.channel_name)
        await self.accept()
        self._is_open = True
        self._task = asyncio.create_task(self._follow())
        self._following.add(self._task)
        self._task.add_done_callback(self._following.discard)

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None, **_: Any
    ) -> None:
        """Act on a frame from the browser: `watch`, with `runs` and the `newest` shown or null."""
        try:
            frame = json.loads(text_data or "")
        except ValueError:
            frame = None
        if not isinstance(frame, dict) or frame.get("type") != "watch":
            await self._send({"type": "error", "code": "not_understood"})
            return
        told = frame.get("runs")
        asked = told[:WATCHED_AT_MOST] if isinstance(told, list) else []
        newest = frame.get("newest")
        self._page = _Page(
            watched={one for one in asked if _is_id(one)},
            newest=newest if _is_id(newest) else None,
        )
        self._told |= self._page.watched
        self._wake.set()

    async def run_changed(self, event: dict[str, Any]) -> None:
        """Look at a run of the tenant that is new, or has changed."""
        run_id = event["run"]
        page = self._page
        if run_id in page.watched or (page.newest is not None and run_id > page.newest):
            self._told.add(run_id)
            self._wake.set()

    async def session_ended(self, _event: dict[str, Any]) -> None:
        """Close at once: the person has signed out elsewhere."""
        await self._end(SIGNED_OUT)

    async def disconnect(self, code: int) -> None:
        """Stop looking."""
        self._is_open = False
        for group in self._groups:
            await self.channel_layer.group_discard(group, self.channel_name)
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()

    async def _follow(self) -> None:
        """Send what has changed until the socket ends; a fault ends it, and the page asks again."""
        try:
            while self._is_open:
                period = TICK_S if self._page.under_way else CHECK_S
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), period)
                self._wake.clear()
                await self._push()
                await asyncio.sleep(APART_S)
        except Exception:  # the edge: nobody above would end the socket
            logger.exception("a socket of syncs failed")
            await self._end(FAULT)

    async def _push(self) -> None:
        person = await self._current()
        if person is None:
            await self._end(SIGNED_OUT)
            return
        page, told = self._page, self._told
        self._told = set()
        looked_at = page.under_way | (told & page.watched)
        seen = await self._look(person, looked_at) if person.tenant_id == self._tenant_id else None
        if not seen:
            await self._end(NOT_ALLOWED)
            return
        if page is not self._page:  # the page shows something else by now
            self._told |= told
            return
        await self._tell(page, looked_at, seen)

    async def _tell(self, page: _Page, looked_at: set[int], seen: _Seen) -> None:
        gone = looked_at - seen.parts.keys()
        page.watched -= gone
        frame: dict[str, Any] = {}
        if changed := page.changed_parts(seen.parts):
            frame["runs"] = changed
        if gone:
            frame["gone"] = sorted(gone)
        if seen.newer != page.newer_sent:
            frame["newer"] = page.newer_sent = seen.newer
        if frame:
            await self._send({"type": "runs", **frame})

    async def _look(self, person: Asker, run_ids: Iterable[int]) -> _Seen | None:
        with tenant_context(person.tenant_id), user_context(person.user.pk):
            return await in_transaction(_see, person, list(run_ids), self._page.newest)

    async def _send(self, frame: dict[str, Any]) -> None:
        if self._is_open:
            await self.send_json(frame)

    async def _end(self, code: int) -> None:
        if self._is_open:
            self._is_open = False
            await self.close(code=code)

    async def _current(self) -> Asker | None:
        return await asker.current(self._session_key)

    @property
    def _session_key(self) -> str | None:
        key: str | None = self.scope["session"].session_key
        return key


@dataclass(frozen=True, slots=True)
class _Seen:
    """Parts of runs by id, and how many are newer than those of the page."""

    parts: dict[int, dict[str, str | bool]]
    newer: int


def _see(person: Asker, run_ids: list[int], newest: int | None) -> _Seen | None:
    """Return the runs of the bound tenant among these; None: the person may not see any."""
    if not person.user.has_perm("sync_events.view_syncrun"):
        return None
    found = progress.shown(SyncRun.objects.filter(pk__in=run_ids)) if run_ids else ()
    parts = {run.pk: progress.parts(run) for run in found}
    return _Seen(parts, progress.newer_than(newest) if newest is not None else 0)


def _is_id(told: object) -> bool:
    return type(told) is int and 0 <= told < 10**_MOST_DIGITS
