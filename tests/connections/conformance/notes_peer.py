"""A feed of notes over HTTP: the source of the worked example in docs/writing-a-connector.md.

Notes lie on boards. A board names its readers, and so may a note beside them: people by address, or
groups. There is a list of notes in pages, a log of changes, and the text of each note.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from apps.ops.sandbox.faults import Faults, FaultyApp
from apps.ops.sandbox.journal import Journal

KEY = "key-of-the-feed"
_PAGE = 2


@dataclass
class Note:
    """One note."""

    board: str
    title: str
    text: str
    revision: int = 1
    readers: set[str] = field(default_factory=set)


class Feed:
    """The true state, and what the feed says of it.

    Attributes:
        log: ids of what changed, in order; a position counts them from the beginning.
    """

    def __init__(self) -> None:
        self.faults, self.journal = Faults(), Journal(kept=100_000)
        self.notes: dict[str, Note] = {}
        self.boards: dict[str, set[str]] = {}
        self.groups: dict[str, set[str]] = {}
        self.log: list[str] = []
        self.oldest = self.cursors = 0
        self.repeats = 0
        self._numbers = itertools.count(1)

    def add(self, board: str, title: str, text: str) -> str:
        """Add a note; returns its id."""
        note_id = f"n{next(self._numbers):05}"
        self.notes[note_id] = Note(board, title, text)
        self.log.append(note_id)
        return note_id

    def change(self, note_id: str, act: Callable[[Note], None]) -> None:
        """Change a note, and write so into the log."""
        act(self.notes[note_id])
        self.log.append(note_id)

    def delete(self, note_id: str) -> None:
        """Delete a note."""
        del self.notes[note_id]
        self.log.append(note_id)

    def readers(self, note_id: str) -> set[str]:
        """Return who may read a note now, by address."""
        note = self.notes[note_id]
        named = self.boards[note.board] | note.readers
        people = {name for name in named if "@" in name}
        return people.union(*(self.groups[name] for name in named - people))


def app(feed: Feed) -> Starlette:
    """Return the feed's HTTP side."""
    told = _Http(feed)
    routes = [
        Route("/audience", _keyed(told.audience)),
        Route("/notes", _keyed(told.notes)),
        Route("/changes", _keyed(told.changes)),
        Route("/notes/{id}", _keyed(told.note)),
        Route("/notes/{id}/text", _keyed(told.text)),
    ]
    faulty = Middleware(FaultyApp, faults=feed.faults, journal=feed.journal)
    return Starlette(routes=routes, middleware=[faulty])


Handler = Callable[[Request], Response]


def _keyed(act: Handler) -> Handler:
    """Let in only who has the key."""

    def checked(request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return JSONResponse({"error": "who_are_you"}, 401)
        return act(request)

    return checked


class _Http:
    """The endpoints."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def audience(self, _: Request) -> Response:
        """Tell boards and groups."""
        feed = self._feed
        boards = [{"id": name, "readers": sorted(who)} for name, who in feed.boards.items()]
        groups = [{"name": name, "members": sorted(who)} for name, who in feed.groups.items()]
        return JSONResponse({"boards": boards, "groups": groups})

    def notes(self, request: Request) -> Response:
        """List a page of all notes."""
        feed = self._feed
        generation, _, after = request.query_params.get("after", "").partition(":")
        if generation and int(generation) < feed.cursors:
            return _unknown_position()
        repeated = 1 if after and feed.repeats else 0
        feed.repeats -= repeated
        ids = sorted(feed.notes)
        start = max(0, sum(name <= after for name in ids) - repeated)
        found = ids[start : start + _PAGE]
        more = f"{feed.cursors}:{found[-1]}" if start + _PAGE < len(ids) else None
        return JSONResponse({"notes": [self._told(each) for each in found], "next": more})

    def changes(self, request: Request) -> Response:
        """List a page of the log; without a position, say where it ends."""
        feed = self._feed
        since = request.query_params.get("since", "")
        position = int(since) if since else len(feed.log)
        if position < feed.oldest:
            return _unknown_position()
        ids = list(dict.fromkeys(feed.log[position : position + _PAGE]))
        end = min(position + _PAGE, len(feed.log))
        return JSONResponse(
            {
                "notes": [self._told(each) for each in ids if each in feed.notes],
                "gone": [each for each in ids if each not in feed.notes],
                "position": end,
                "is_last": end == len(feed.log),
            }
        )

    def note(self, request: Request) -> Response:
        """Tell one note."""
        note_id = request.path_params["id"]
        if note_id not in self._feed.notes:
            return _no_such_note()
        return JSONResponse(self._told(note_id))

    def text(self, request: Request) -> Response:
        """Hand out the text of a note."""
        note = self._feed.notes.get(request.path_params["id"])
        return PlainTextResponse(note.text) if note else _no_such_note()

    def _told(self, note_id: str) -> dict[str, Any]:
        note = self._feed.notes[note_id]
        return {
            "id": note_id,
            "board": note.board,
            "title": note.title,
            "revision": note.revision,
            "readers": sorted(note.readers),
        }


def _unknown_position() -> Response:
    return JSONResponse({"error": "position_unknown"}, 410)


def _no_such_note() -> Response:
    return JSONResponse({"error": "no_such_note"}, 404)
