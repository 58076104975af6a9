"""What a simulated source was asked: its last requests, without their secrets."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock
from urllib.parse import parse_qsl

HIDDEN = "(hidden)"
KEPT_HEADERS = frozenset({"accept", "content-type", "range", "user-agent", "x-goog-api-client"})
SECRET_FIELDS = frozenset(
    {
        "access_token",
        "assertion",
        "client_assertion",
        "client_secret",
        "code",
        "code_verifier",
        "password",
        "refresh_token",
        "secret",
        "token",
    }
)

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Entry:
    """One request that a source answered, or left without an answer.

    Attributes:
        number: counts from 1 in the order of the answers.
        at: time of the answer, seconds since 1970.
        query: the pairs of the query string, in order.
        headers: the few that carry no secret, names in lower case.
        form: the pairs of a form body, in order; empty for other bodies.
        json: a JSON body, secrets at its top level hidden; None for other bodies.
        status: the HTTP status answered; 0 where the connection was closed instead.
        fault: the kind of the fault that was played, or "".
    """

    number: int
    at: float
    method: str
    path: str
    query: Pairs
    headers: dict[str, str]
    form: Pairs
    json: object
    status: int
    fault: str


@dataclass(frozen=True)
class Asked:
    """A request as it came in."""

    method: str
    path: str
    query: bytes
    headers: Iterable[tuple[bytes, bytes]]
    body: bytes


class Journal:
    """The last requests of one source; safe to read from another thread.

    Args:
        kept: how many entries stay.
    """

    def __init__(self, kept: int = 1000) -> None:
        self._entries: deque[Entry] = deque(maxlen=kept)
        self._number = 0
        self._lock = Lock()

    def mark(self) -> int:
        """Return the number of the newest entry, to be given to `since`; 0 before the first."""
        with self._lock:
            return self._number

    def since(self, mark: int = 0) -> list[Entry]:
        """Return the kept entries that are newer than `mark`, oldest first."""
        with self._lock:
            return [entry for entry in self._entries if entry.number > mark]

    def write(self, asked: Asked, status: int, fault: str = "") -> None:
        """Keep one request; tokens, codes and secrets are not kept."""
        headers = {name.decode("latin-1").lower(): value for name, value in asked.headers}
        content_type = headers.get("content-type", b"").decode("latin-1")
        with self._lock:
            self._number += 1
            self._entries.append(
                Entry(
                    number=self._number,
                    at=time.time(),
                    method=asked.method,
                    path=asked.path,
                    query=_shown_pairs(asked.query),
                    headers={
                        name: value.decode("latin-1")
                        for name, value in headers.items()
                        if name in KEPT_HEADERS
                    },
                    form=_shown_pairs(asked.body) if "form-urlencoded" in content_type else (),
                    json=_shown_json(asked.body) if "json" in content_type else None,
                    status=status,
                    fault=fault,
                )
            )


def _shown_pairs(encoded: bytes) -> Pairs:
    pairs = parse_qsl(encoded.decode("utf-8", "replace"), keep_blank_values=True)
    return tuple((name, HIDDEN if name in SECRET_FIELDS else value) for name, value in pairs)


def _shown_json(body: bytes) -> object:
    try:
        parsed = json.loads(body)
    except ValueError:
        return None
    if not isinstance(parsed, dict):
        return parsed
    return {name: HIDDEN if name in SECRET_FIELDS else value for name, value in parsed.items()}
