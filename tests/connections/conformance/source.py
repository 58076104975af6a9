"""What the conformance suite asks of a source: a true state, verbs that change it, misfortunes.

A new connector brings one file with a subclass of `Source`, and one line in `sources.ALL`.

Every source begins alike. The group TEAM is Ada and Bo; all of it reads the place OPEN. The place
CLOSED is for Ada and Cy. Ida administers the source; Eve is a member of the tenant whom no source
knows. Texts carry words that stand in one version of one item only, and by which the truth is told.
"""

from __future__ import annotations

import itertools
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

from apps.connections.models import Connection
from apps.connections.protocol import Delivery
from apps.ops.sandbox.faults import Faults
from apps.ops.sandbox.journal import Entry, Journal
from apps.tenants.models import Tenant
from tests.connections.conformance.mailbox import Mailbox

ADA, BO, CY, IDA = (f"{name}@acme.example" for name in ("ada", "bo", "cy", "ida"))
EVE = "eve@acme.example"
KNOWN = (ADA, BO, CY, IDA)

_WORD = re.compile(r"word[0-9]+x")
_numbers = itertools.count(1)


def new_text() -> str:
    """Return a text that stands nowhere else."""
    return f"The answer is word{next(_numbers)}x."


def words(text: str) -> list[str]:
    """Return the words by which texts are told from each other, in their order."""
    return _WORD.findall(text)


class Place(StrEnum):
    """Where things lie."""

    OPEN = "open"
    CLOSED = "closed"


class Verb(StrEnum):
    """What may happen in a source, or to it. A source says which of them it lacks, and why."""

    RENAME = "rename"
    MOVE = "move"
    SHARE = "share"  # one item
    LET_IN = "let_in"  # somebody into a place
    GROUP = "group"
    DROP_PLACE = "drop_place"
    EXPIRE_CURSORS = "expire_cursors"
    LOGS = "logs"  # of changes, with positions that may be lost
    REPEAT = "repeat"
    FAULTS = "faults"
    EXPIRE_TOKENS = "expire_tokens"
    PUSH = "push"


@dataclass(frozen=True)
class Live:
    """A document that is there now.

    Attributes:
        name: what its path ends with; empty where it has no name of its own.
        text: its words stand in the document, no others do.
    """

    name: str
    text: str


@dataclass
class Peer:
    """What a source over HTTP offers beside its verbs.

    Attributes:
        lists: regular expression for the paths that list items.
        tokens: likewise, for those that hand out tokens, which count as no question.
    """

    base: str
    faults: Faults
    journal: Journal
    lists: str
    tokens: str = r"/token$"

    def asked(self, mark: int = 0) -> list[Entry]:
        """Return what was asked since, without what only signs in."""
        return [each for each in self.journal.since(mark) if not re.search(self.tokens, each.path)]


class Source(ABC):
    """One source with its true state.

    Attributes:
        name: in the names of tests.
        kind: of the connections to it.
        registered: (label, dotted path) of its connector, where the product does not ship it.
        lacks: verbs that it does not know, with the reason.
        untold: verbs of which no poll hears: the next comparison of everything tells.
        small_pages: dotted names of sizes in the connector that are made small, so that little
            data comes in several pages.
        peer: None for a source that is not asked over HTTP.
    """

    name: ClassVar[str]
    kind: ClassVar[str]
    registered: ClassVar[tuple[str, str] | None] = None
    lacks: ClassVar[Mapping[Verb, str]] = {}
    untold: ClassVar[frozenset[Verb]] = frozenset()
    small_pages: ClassVar[Mapping[str, int]] = {}
    peer: Peer | None = None

    @classmethod
    def has(cls, *verbs: Verb) -> bool:
        """Return whether all of these can happen here."""
        return not set(verbs) & cls.lacks.keys()

    @classmethod
    @abstractmethod
    def running(cls, folder: Path, mailbox: Mailbox) -> AbstractContextManager[Source]:
        """Serve the source for the length of the block.

        Args:
            folder: empty, on this machine, for whatever it keeps.
            mailbox: where it may send word of changes.
        """

    @abstractmethod
    def environment(self) -> Mapping[str, object]:
        """Return the settings of Kenward that allow to ask it."""

    @abstractmethod
    def connect(self, tenant: Tenant, name: str) -> Connection:
        """Store a connection to it, with its account; nothing is synced yet."""

    @abstractmethod
    def add(self, place: Place, name: str, text: str) -> str:
        """Make an item, and return its external id."""

    @abstractmethod
    def edit(self, item: str, text: str) -> None:
        """Replace the text of an item."""

    @abstractmethod
    def delete(self, item: str) -> None:
        """Delete an item."""

    def rename(self, item: str, name: str) -> str:
        """Give an item another name; return its external id from now on."""
        raise self._lacking(Verb.RENAME)

    def move(self, item: str, place: Place) -> str:
        """Put an item elsewhere; return its external id from now on."""
        raise self._lacking(Verb.MOVE)

    def share(self, item: str, who: str) -> None:
        """Let one more person read an item."""
        raise self._lacking(Verb.SHARE)

    def unshare(self, item: str, who: str) -> None:
        """Take back what `share` gave."""
        raise self._lacking(Verb.SHARE)

    def let_in(self, place: Place, who: str) -> None:
        """Let one more person read a place."""
        raise self._lacking(Verb.LET_IN)

    def keep_out(self, place: Place, who: str) -> None:
        """Take back what `let_in` gave."""
        raise self._lacking(Verb.LET_IN)

    def join(self, who: str) -> None:
        """Put somebody into the team."""
        raise self._lacking(Verb.GROUP)

    def leave(self, who: str) -> None:
        """Take somebody out of the team."""
        raise self._lacking(Verb.GROUP)

    def drop_place(self, place: Place) -> None:
        """Delete a place with everything in it."""
        raise self._lacking(Verb.DROP_PLACE)

    def expire_cursors(self) -> None:
        """Refuse every position in a listing that was handed out."""
        raise self._lacking(Verb.EXPIRE_CURSORS)

    def expire_logs(self) -> None:
        """Refuse every position in a log of changes that was handed out."""
        raise self._lacking(Verb.LOGS)

    def repeat(self, times: int) -> None:
        """Let the next pages of lists begin with items of the page before."""
        raise self._lacking(Verb.REPEAT)

    def expire_tokens(self) -> None:
        """Let what requests are signed with end now; what renews it stays good."""
        raise self._lacking(Verb.EXPIRE_TOKENS)

    def subscribe(self, connection: Connection) -> None:
        """Have the source send word of changes; called with the tenant bound."""
        raise self._lacking(Verb.PUSH)

    def word(self, connection: Connection) -> list[Delivery]:
        """Return what the source has sent since, once it has sent all of it."""
        raise self._lacking(Verb.PUSH)

    def vanish(self, *, is_back: bool = False) -> None:
        """Let the source be away, or be there again."""
        assert self.peer is not None
        if is_back:
            self.peer.faults.clear()
        else:
            self.peer.faults.add("drop", times=None)

    @abstractmethod
    def tell(self, connection: Connection) -> None:
        """Queue the runs by which Kenward learns of changes between two comparisons.

        Called with the tenant bound.
        """

    @abstractmethod
    def live(self) -> Mapping[str, Live]:
        """Return every document that is there now, by external id."""

    @abstractmethod
    def readers(self, item: str) -> set[str]:
        """Return the addresses of all who may read a document now."""

    def check_requests(self) -> None:
        """Fail if a request was sent that the source's description does not know.

        Where there is none, nothing may have been sent that could change anything.
        """
        for entry in self.peer.asked() if self.peer else ():
            assert entry.method in {"GET", "HEAD"}, f"{entry.method} {entry.path}"

    def _lacking(self, verb: Verb) -> NotImplementedError:
        return NotImplementedError(f"{self.name} has no {verb}: {self.lacks[verb]}")
