"""The simulated Slack: a public and a private channel, with threads and files in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from typing_extensions import override

from apps.connections.credentials.models import AuthMethod
from apps.connections.models import Connection
from apps.connections.protocol import Delivery
from apps.connections.providers.slack.setup import READ_SCOPES
from apps.ops.sandbox.journal import Journal
from apps.ops.sandbox.serve import serving
from apps.ops.sandbox.slack.api import app
from apps.ops.sandbox.slack.records import AppSettings, Guest
from apps.ops.sandbox.slack.workspace import SlackWorkspace
from apps.sync_events.push_in import receive
from apps.tenants.models import Tenant
from tests.connections.conformance import remote
from tests.connections.conformance.mailbox import Mailbox
from tests.connections.conformance.source import (
    ADA,
    BO,
    CY,
    IDA,
    Live,
    Peer,
    Place,
    Source,
    Verb,
)
from tests.contracts.slack_swagger import DESCRIPTION, check_request

_PACKAGE = "apps.connections.providers.slack"
_EVENTS = "/slack/events"


class Slack(Source):
    """The team are the full members, who read public channels; Cy is a guest."""

    name: ClassVar[str] = "slack"
    kind: ClassVar[str] = "slack"
    registered: ClassVar[tuple[str, str] | None] = ("Slack", f"{_PACKAGE}.connector.Slack")
    lacks: ClassVar[Mapping[Verb, str]] = {
        Verb.SHARE: "Who reads a message is who reads its channel.",
        Verb.LOGS: "Slack keeps no log; the positions are times, which do not end.",
    }
    small_pages: ClassVar[Mapping[str, int]] = {
        f"{_PACKAGE}.history.PAGE": 2,
        f"{_PACKAGE}.documents.ITEMS_PER_STEP": 2,
        f"{_PACKAGE}.documents.ASKED_PER_STEP": 2,
    }
    peer: Peer

    def __init__(self, workspace: SlackWorkspace, base: str, mailbox: Mailbox) -> None:
        self.workspace = workspace
        self.peer = Peer(
            base,
            workspace.faults,
            workspace.journal,
            lists=r"/api/(conversations\.(list|history|members|replies)|users\.list)$",
            tokens=r"/api/oauth\.v2\.access$",
        )
        self._mailbox = mailbox
        self._people = {
            IDA: workspace.add_person("Ida", IDA, admin=True).id,
            ADA: workspace.add_person("Ada", ADA).id,
            BO: workspace.add_person("Bo", BO).id,
            CY: workspace.add_person("Cy", CY, guest=Guest.MULTI_CHANNEL).id,
        }
        self._places = self._made_places()
        self._added = self._checked = 0

    @classmethod
    @contextmanager
    @override
    def running(cls, folder: Path, mailbox: Mailbox) -> Iterator[Source]:
        workspace = SlackWorkspace(app=AppSettings(rotates_tokens=True))
        workspace.journal = Journal(kept=100_000)
        with serving(app(workspace)) as base:
            yield cls(workspace, base, mailbox)
            workspace.close()

    def _made_places(self) -> dict[Place, str]:
        work, ada, bo, cy = self.workspace, *(self._people[each] for each in (ADA, BO, CY))
        closed = work.create_channel(Place.CLOSED, ada, private=True, member_ids=[cy])
        opened = work.create_channel(Place.OPEN, bo)
        return {Place.OPEN: opened.id, Place.CLOSED: closed.id}

    @override
    def environment(self) -> Mapping[str, object]:
        return {"KENWARD_SOURCE_HOSTS": [remote.host_of(self.peer.base)]}

    @override
    def connect(self, tenant: Tenant, name: str) -> Connection:
        work, base = self.workspace, self.peer.base
        bot = work.install(READ_SCOPES).bot
        assert bot is not None
        for channel_id in self._places.values():
            work.invite(channel_id, bot.user_id)
        if not work.events.urls:
            work.events.subscribe(f"{self._mailbox.base}{_EVENTS}")
            self._mailbox.take()
        return remote.connect(
            tenant,
            self.kind,
            name,
            method=AuthMethod.OAUTH,
            secret={"access_token": bot.value, "refresh_token": bot.refresh_token},
            settings={"channels": [self._places[Place.CLOSED]]},
            client_id=work.app.client_id,
            client_secret=work.app.client_secret,
            signing_secret=work.app.signing_secret,
            endpoints={
                "authorize": f"{base}/oauth/v2/authorize",
                "token": f"{base}/api/oauth.v2.access",
                "revoke": f"{base}/api/auth.revoke",
                "api": f"{base}/api",
                "files": base,
            },
        )

    @override
    def add(self, place: Place, name: str, text: str) -> str:
        """Make threads and files by turns."""
        work, channel_id = self.workspace, self._places[place]
        author, other = self._people[ADA], self._people[BO]
        self._added += 1
        if self._added % 2:
            root = work.post(channel_id, author, text)
            work.post(channel_id, other, "Thank you.", thread_ts=root.ts)
            return f"{channel_id}:{root.ts}"
        content = text.encode()
        file = work.upload(author, f"{name}.txt", content, "text/plain", channel_ids=[channel_id])
        return file.id

    @override
    def edit(self, item: str, text: str) -> None:
        if item in self.workspace.files:
            file = self.workspace.file(item)
            before = file.updated_at
            self.workspace.edit_file(item, text.encode())
            # Slack counts whole seconds: two edits within one that leave the length are the same.
            file.updated_at = max(file.updated_at, before + 1)
            return
        channel_id, _, ts = item.partition(":")
        self.workspace.edit(channel_id, ts, text)

    @override
    def delete(self, item: str) -> None:
        if item in self.workspace.files:
            self.workspace.delete_file(item)
            return
        channel_id, _, ts = item.partition(":")
        channel = self.workspace.channel(channel_id)
        for reply in channel.replies_to(channel.messages[ts]):
            self.workspace.delete(channel_id, reply.ts)
        self.workspace.delete(channel_id, ts)

    @override
    def rename(self, item: str, name: str) -> str:
        """Rename a file; a thread has no name."""
        content = self.workspace.file(item).content
        self.workspace.edit_file(item, content, name=f"{name}.txt")
        return item

    @override
    def move(self, item: str, place: Place) -> str:
        """Take a file out of where it is shared, and share it elsewhere; threads stay."""
        for channel in list(self.workspace.places_of(item)):
            self.workspace.unshare_file(item, channel.id)
        self.workspace.share_file(item, self._places[place], self._people[ADA])
        return item

    @override
    def let_in(self, place: Place, who: str) -> None:
        self.workspace.invite(self._places[place], self._people[who])

    @override
    def keep_out(self, place: Place, who: str) -> None:
        self.workspace.remove_member(self._places[place], self._people[who])

    @override
    def join(self, who: str) -> None:
        self.workspace.set_guest(self._people[who], Guest.NO)

    @override
    def leave(self, who: str) -> None:
        self.workspace.set_guest(self._people[who], Guest.MULTI_CHANNEL)

    @override
    def drop_place(self, place: Place) -> None:
        self.workspace.delete_channel(self._places[place])

    @override
    def expire_cursors(self) -> None:
        self.workspace.expire_cursors()

    @override
    def repeat(self, times: int) -> None:
        self.workspace.repeat_items(times)

    @override
    def expire_tokens(self) -> None:
        self.workspace.expire_tokens()

    @override
    def tell(self, connection: Connection) -> None:
        """Hand over the events that have come, and poll as well."""
        for delivery in self.word(connection):
            receive.receive(connection, delivery)
        remote.poll(connection)

    @override
    def subscribe(self, connection: Connection) -> None:
        """Leave it as it is: events come from the first connection on."""
        assert self.workspace.events.urls

    @override
    def word(self, connection: Connection) -> list[Delivery]:
        assert self.workspace.events.flush()
        return self._mailbox.take(_EVENTS)

    @override
    def live(self) -> Mapping[str, Live]:
        found = {
            item: Live(self.workspace.file(item).name, content.decode())
            for item, content in self.workspace.live_files().items()
            if self.workspace.places_of(item)
        }
        return found | {item: Live("", text) for item, text in self._written().items()}

    @override
    def readers(self, item: str) -> set[str]:
        if item in self.workspace.files:
            return self.workspace.file_readers(item)
        return self.workspace.readers(item.partition(":")[0])

    @override
    def check_requests(self) -> None:
        if not DESCRIPTION.is_file():
            return
        for entry in self.peer.journal.since(self._checked):
            if "/api/" in entry.path:
                check_request(entry)
        self._checked = self.peer.journal.mark()

    def _written(self) -> dict[str, str]:
        """Return threads, and days with what was written outside of them, by external id."""
        found: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for message in self.workspace.live_messages().values():
            channel = self.workspace.channel(message.channel_id)
            root = message.thread_ts or message.ts
            has_text = message.text or channel.messages[message.ts].file_ids
            if not has_text:
                continue
            day = f"{datetime.fromtimestamp(float(message.ts), UTC):%Y-%m-%d}"
            name = root if channel.replies.get(root) else day
            found[f"{channel.id}:{name}"].append((message.ts, message.text))
        return {item: " ".join(text for _, text in sorted(told)) for item, told in found.items()}
