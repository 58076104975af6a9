"""The change logs: one for each user, one for each shared drive, kept as one sequence."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Entry:
    """One change.

    Attributes:
        number: its place in the sequence, from 1.
        file_id: the item that changed, or "".
        drive_id: the shared drive that changed, or "".
        places: where the item was before and after: ids of shared drives, "" for My Drive.
        audience: ids of the users who saw it before or see it after.
    """

    number: int
    at: datetime
    file_id: str
    drive_id: str
    places: frozenset[str]
    audience: frozenset[str]

    @property
    def subject(self) -> str:
        """What changed, with its kind: a shared drive and its root have the same id."""
        return f"file {self.file_id}" if self.file_id else f"drive {self.drive_id}"


Listener = Callable[[Entry], None]


class TokenRefused(Exception):
    """The page token was never given out, or is too old."""


class Feed:
    """All changes since the company began."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._first = 1
        self.listeners: list[Listener] = []

    def append(
        self,
        at: datetime,
        *,
        file_id: str = "",
        drive_id: str = "",
        places: frozenset[str],
        audience: frozenset[str],
    ) -> None:
        """Write one change and tell the listeners."""
        entry = Entry(self._next, at, file_id, drive_id, places, audience)
        self._entries.append(entry)
        for listener in self.listeners:
            listener(entry)

    def start_token(self) -> str:
        """Return the token from which the changes to come are listed."""
        return str(self._next)

    def expire(self) -> None:
        """Refuse every token given out until now."""
        self._first = self._next + 1
        self._entries.clear()

    def since(self, token: str) -> list[Entry]:
        """Return the changes from a token on, oldest first.

        Raises:
            TokenRefused: no such token counts.
        """
        if not token.isdecimal() or not self._first <= int(token) <= self._next:
            raise TokenRefused(token)
        return self._entries[int(token) - self._first :]

    @property
    def _next(self) -> int:
        return self._first + len(self._entries)


def latest(entries: Iterable[Entry]) -> list[Entry]:
    """Return the last change of each thing, as Google lists them, oldest first."""
    found: dict[str, Entry] = {}
    for entry in entries:
        found.pop(entry.subject, None)
        found[entry.subject] = entry
    return list(found.values())
