"""What all verbs of a workspace stand on: its records, one lock, its clock, its ids."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from random import Random
from threading import RLock
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from apps.ops.sandbox.faults import Faults
from apps.ops.sandbox.journal import Journal
from apps.ops.sandbox.slack.records import (
    AppSettings,
    Channel,
    Code,
    Message,
    Person,
    SharedFile,
    Token,
    UserGroup,
)

_ID_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ID_LENGTH = 9
_TOKEN_LETTERS = _ID_LETTERS.lower()
_TOKEN_LENGTH = 24

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="State")


class Clock:
    """The real time, moved forward by as much as tests want."""

    def __init__(self) -> None:
        self._ahead_s = 0.0

    def now(self) -> float:
        """Return the workspace's time, seconds since 1970."""
        return time.time() + self._ahead_s

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._ahead_s += seconds


class Unknown(LookupError):
    """There is no such person, channel, message, file or group in the workspace."""


class Refused(ValueError):
    """The workspace does not allow this, whoever asks."""


def locked(verb: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Let a verb run alone: nobody sees or changes the workspace meanwhile."""

    @wraps(verb)
    def alone(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.lock:
            return verb(self, *args, **kwargs)

    return alone


class Outbox(Protocol):
    """Who brings events to the app."""

    def put(self, event: dict[str, Any], *, channel: Channel | None = None) -> None:
        """Send an event on its way, if the app may know of it."""


class State:
    """The records of one workspace.

    Args:
        name: the workspace's name.
        domain: the first label of its address at Slack.
        seed: the same seed gives the same ids in the same order.
        app: the app that it knows; one with the default values when left out.

    Attributes:
        address: base URL of the last request, for the links inside answers and events.
    """

    outbox: Outbox

    def __init__(
        self,
        name: str = "Sandbox",
        domain: str = "sandbox",
        *,
        seed: int = 1,
        app: AppSettings | None = None,
    ) -> None:
        self.lock = RLock()
        self.clock = Clock()
        self.faults = Faults()
        self.journal = Journal()
        self.name = name
        self.domain = domain
        self.app = app or AppSettings()
        self.address = "http://127.0.0.1/"
        self.people: dict[str, Person] = {}
        self.channels: dict[str, Channel] = {}
        self.files: dict[str, SharedFile] = {}
        self.groups: dict[str, UserGroup] = {}
        self.tokens: dict[str, Token] = {}
        self.codes: dict[str, Code] = {}
        self.bot_user_id = ""
        self.cursor_generation = 1
        self.pages_to_repeat = 0
        self._random = Random(seed)  # noqa: S311 - ids are to be the same in every run
        self._last_micros = 0
        self._places: dict[str, list[Channel]] | None = None
        self.team_id = self.new_id("T")

    def new_id(self, prefix: str) -> str:
        """Return an id as Slack's look, such as C followed by ten letters and digits."""
        letters = self._random.choices(_ID_LETTERS, k=_ID_LENGTH)
        return f"{prefix}0{''.join(letters)}"

    def new_secret(self, prefix: str) -> str:
        """Return the text of a token or a code."""
        return prefix + "".join(self._random.choices(_TOKEN_LETTERS, k=_TOKEN_LENGTH))

    def now_s(self) -> int:
        """Return the workspace's time in whole seconds since 1970."""
        return int(self.clock.now())

    def new_ts(self, at: float | None = None) -> str:
        """Return a timestamp that no earlier call returned.

        Args:
            at: seconds since 1970, to write history; the present when left out.
        """
        if at is None:
            self._last_micros = max(int(self.clock.now() * 1_000_000), self._last_micros + 1)
            micros = self._last_micros
        else:
            micros = int(at * 1_000_000) + self._random.randrange(1, 999_999)
        return f"{micros // 1_000_000:010d}.{micros % 1_000_000:06d}"

    def person(self, person_id: str) -> Person:
        """Return a person.

        Raises:
            Unknown: nobody has this id.
        """
        return _found(self.people, person_id, "person")

    def channel(self, channel_id: str) -> Channel:
        """Return a conversation of any kind.

        Raises:
            Unknown: none has this id.
        """
        return _found(self.channels, channel_id, "channel")

    def message(self, channel_id: str, ts: str) -> Message:
        """Return a message, or the tombstone that it left.

        Raises:
            Unknown: the channel or the message is not there.
        """
        return _found(self.channel(channel_id).messages, ts, "message")

    def file(self, file_id: str) -> SharedFile:
        """Return a file.

        Raises:
            Unknown: none has this id.
        """
        return _found(self.files, file_id, "file")

    def group(self, group_id: str) -> UserGroup:
        """Return a user group.

        Raises:
            Unknown: none has this id.
        """
        return _found(self.groups, group_id, "user group")

    def places_of(self, file_id: str) -> list[Channel]:
        """Return the conversations in which a file is shared."""
        if self._places is None:
            self._places = {}
            for channel in self.channels.values():
                held = {each for m in channel.messages.values() for each in m.file_ids}
                for each in held:
                    self._places.setdefault(each, []).append(channel)
        return self._places.get(file_id, [])

    def forget_places(self) -> None:
        """Look anew, the next time, for where files are shared: messages have changed."""
        self._places = None


def _found(records: dict[str, R], key: str, noun: str) -> R:
    if key not in records:
        raise Unknown(f"no {noun} {key!r}")
    return records[key]
