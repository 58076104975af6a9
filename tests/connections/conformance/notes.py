"""The feed of notes, read by the connector that the documentation shows as its example."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from typing_extensions import override

from apps.connections.credentials.models import AuthMethod
from apps.connections.models import Connection
from apps.ops.sandbox.serve import serving
from apps.tenants.models import Tenant
from tests.connections.conformance import remote
from tests.connections.conformance.mailbox import Mailbox
from tests.connections.conformance.notes_peer import KEY, Feed, Note, app
from tests.connections.conformance.source import ADA, BO, CY, Live, Peer, Place, Source, Verb

_TEAM = "team"


class Notes(Source):
    """Boards with notes."""

    name: ClassVar[str] = "notes"
    kind: ClassVar[str] = "notes_feed"
    registered: ClassVar[tuple[str, str] | None] = (
        "Notes feed",
        "tests.connections.conformance.worked_example.NotesFeed",
    )
    lacks: ClassVar[Mapping[Verb, str]] = {
        Verb.EXPIRE_TOKENS: "An API key does not end.",
        Verb.PUSH: "The feed sends no word.",
    }
    peer: Peer

    def __init__(self, feed: Feed, base: str) -> None:
        self.feed = feed
        self.peer = Peer(base, feed.faults, feed.journal, lists=r"/(notes|changes)$")
        feed.groups[_TEAM] = {ADA, BO}
        feed.boards |= {Place.OPEN: {_TEAM}, Place.CLOSED: {ADA, CY}}

    @classmethod
    @contextmanager
    @override
    def running(cls, folder: Path, mailbox: Mailbox) -> Iterator[Source]:
        feed = Feed()
        with serving(app(feed)) as base:
            yield cls(feed, base)

    @override
    def environment(self) -> Mapping[str, object]:
        return {"KENWARD_SOURCE_HOSTS": [remote.host_of(self.peer.base)]}

    @override
    def connect(self, tenant: Tenant, name: str) -> Connection:
        return remote.connect(
            tenant,
            self.kind,
            name,
            method=AuthMethod.API_KEY,
            secret={"api_key": KEY},
            settings={},
            endpoints={"api": self.peer.base},
        )

    @override
    def add(self, place: Place, name: str, text: str) -> str:
        return self.feed.add(place, name, text)

    @override
    def edit(self, item: str, text: str) -> None:
        def write(note: Note) -> None:
            note.text, note.revision = text, note.revision + 1

        self.feed.change(item, write)

    @override
    def delete(self, item: str) -> None:
        self.feed.delete(item)

    @override
    def rename(self, item: str, name: str) -> str:
        self.feed.change(item, lambda note: setattr(note, "title", name))
        return item

    @override
    def move(self, item: str, place: Place) -> str:
        self.feed.change(item, lambda note: setattr(note, "board", place))
        return item

    @override
    def share(self, item: str, who: str) -> None:
        self.feed.change(item, lambda note: note.readers.add(who))

    @override
    def unshare(self, item: str, who: str) -> None:
        self.feed.change(item, lambda note: note.readers.discard(who))

    @override
    def let_in(self, place: Place, who: str) -> None:
        self.feed.boards[place].add(who)

    @override
    def keep_out(self, place: Place, who: str) -> None:
        self.feed.boards[place].discard(who)

    @override
    def join(self, who: str) -> None:
        self.feed.groups[_TEAM].add(who)

    @override
    def leave(self, who: str) -> None:
        self.feed.groups[_TEAM].discard(who)

    @override
    def drop_place(self, place: Place) -> None:
        for note_id in [name for name, note in self.feed.notes.items() if note.board == place]:
            self.feed.delete(note_id)
        del self.feed.boards[place]

    @override
    def expire_cursors(self) -> None:
        self.feed.cursors += 1

    @override
    def expire_logs(self) -> None:
        self.feed.log.append("nothing")
        self.feed.oldest = len(self.feed.log)

    @override
    def repeat(self, times: int) -> None:
        self.feed.repeats += times

    @override
    def tell(self, connection: Connection) -> None:
        remote.poll(connection)

    @override
    def live(self) -> Mapping[str, Live]:
        return {item: Live(note.title, note.text) for item, note in self.feed.notes.items()}

    @override
    def readers(self, item: str) -> set[str]:
        return self.feed.readers(item)
