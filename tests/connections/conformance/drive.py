"""The simulated Google Drive: the account of one person, and a whole company's service account."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from typing_extensions import override

from apps.connections.credentials.models import AuthMethod
from apps.connections.models import Connection
from apps.connections.protocol import Delivery
from apps.ops.sandbox.drive.api import DIRECTORY as DIRECTORY_PATH
from apps.ops.sandbox.drive.api import DRIVE as DRIVE_PATH
from apps.ops.sandbox.drive.api import app
from apps.ops.sandbox.drive.company import READING_SCOPES, DriveCompany
from apps.ops.sandbox.drive.oauth import Grant, ServiceAccount
from apps.ops.sandbox.journal import Journal
from apps.ops.sandbox.serve import serving
from apps.sync_events.push_in import subscriptions
from apps.sync_events.push_in.views import address_of
from apps.tenants.models import Tenant
from tests.connections.conformance import remote
from tests.connections.conformance.mailbox import Mailbox
from tests.connections.conformance.source import (
    ADA,
    BO,
    CY,
    IDA,
    KNOWN,
    Live,
    Peer,
    Place,
    Source,
    Verb,
)
from tests.contracts.google_discovery import DIRECTORY, DRIVE, check_request, description

TEAM = "team@acme.example"
# No more word is expected after so long a silence, or at all (seconds).
_QUIET_S, _MOST_S = 0.5, 10.0
_PACKAGE = "apps.connections.providers.google_drive"


@cache
def _service_account() -> ServiceAccount:
    """Return the one that all companies know: its key takes long to make."""
    return DriveCompany().add_service_account()


class _Drive(Source):
    kind: ClassVar[str] = "google_drive"
    # No log says that the members of a group have changed.
    untold: ClassVar[frozenset[Verb]] = frozenset({Verb.GROUP})
    small_pages: ClassVar[Mapping[str, int]] = {
        f"{_PACKAGE}.listing.PAGE_ITEMS": 2,
        f"{_PACKAGE}.follow.PAGE_CHANGES": 2,
        f"{_PACKAGE}.subtree._PAGE_ITEMS": 2,
    }
    peer: Peer

    def __init__(self, company: DriveCompany, base: str, mailbox: Mailbox) -> None:
        self.company = company
        self._mailbox = mailbox
        self.peer = Peer(base, company.faults, company.journal, lists=r"/drive/v3/(files|changes)$")
        company.add_user(IDA, "Ida", is_admin=True)
        for email in KNOWN[:-1]:
            company.add_user(email)
        company.add_group(TEAM, "Team", [ADA, BO])
        self._places = self._made_places()
        self._checked = 0
        self._added = 0

    @classmethod
    @contextmanager
    @override
    def running(cls, folder: Path, mailbox: Mailbox) -> Iterator[Source]:
        company = DriveCompany("acme.example", seed=1)
        company.journal = Journal(kept=100_000)
        with serving(app(company)) as base:
            yield cls(company, base, mailbox)

    @abstractmethod
    def _made_places(self) -> dict[Place, str]:
        """Make both places, and return the folders or drives that they are."""

    @property
    def _endpoints(self) -> dict[str, str]:
        base = self.peer.base
        return {
            "authorize": f"{base}/o/oauth2/v2/auth",
            "token": f"{base}/token",
            "revoke": f"{base}/revoke",
            "drive": f"{base}{DRIVE_PATH}",
            "directory": f"{base}{DIRECTORY_PATH}",
        }

    @override
    def environment(self) -> Mapping[str, object]:
        return {
            "KENWARD_SOURCE_HOSTS": [remote.host_of(self.peer.base)],
            "KENWARD_PUBLIC_URL": self._mailbox.base,
        }

    @override
    def add(self, place: Place, name: str, text: str) -> str:
        """Make documents of the editor and files by turns."""
        into = self._places[place]
        self._added += 1
        if self._added % 2:
            return self.company.add_doc(name, text, into=into)
        content = text.encode()
        return self.company.add_file(f"{name}.txt", content, mime_type="text/plain", into=into)

    @override
    def edit(self, item: str, text: str) -> None:
        self.company.edit(item, text)

    @override
    def delete(self, item: str) -> None:
        """Throw things away for good, and into the trash, by turns."""
        self._added += 1
        if self._added % 2:
            self.company.delete(item)
        else:
            self.company.trash(item)

    @override
    def rename(self, item: str, name: str) -> str:
        self.company.rename(item, name)
        return item

    @override
    def move(self, item: str, place: Place) -> str:
        self.company.move(item, self._places[place])
        return item

    @override
    def share(self, item: str, who: str) -> None:
        self.company.share(item, who)

    @override
    def unshare(self, item: str, who: str) -> None:
        self.company.unshare(item, who)

    @override
    def let_in(self, place: Place, who: str) -> None:
        self.company.share(self._places[place], who)

    @override
    def keep_out(self, place: Place, who: str) -> None:
        self.company.unshare(self._places[place], who)

    @override
    def join(self, who: str) -> None:
        self.company.add_member(TEAM, who)

    @override
    def leave(self, who: str) -> None:
        self.company.remove_member(TEAM, who)

    @override
    def drop_place(self, place: Place) -> None:
        place_id = self._places[place]
        if place_id in self.company.drives:
            self.company.delete_drive(place_id)
        else:
            self.company.trash(place_id)

    @override
    def expire_cursors(self) -> None:
        self.company.listings.expire()

    @override
    def expire_logs(self) -> None:
        self.company.feed.expire()

    @override
    def repeat(self, times: int) -> None:
        self.company.repeat_items(times)

    @override
    def expire_tokens(self) -> None:
        self.company.expire_access_tokens()

    @override
    def tell(self, connection: Connection) -> None:
        remote.poll(connection)

    @override
    def subscribe(self, connection: Connection) -> None:
        assert subscriptions.keep(connection)

    @override
    def word(self, connection: Connection) -> list[Delivery]:
        """Return what has come, once nothing more does."""
        path = urlsplit(address_of(connection)).path
        found: list[Delivery] = []
        until = time.monotonic() + _MOST_S
        quiet_since = time.monotonic()
        while time.monotonic() < until and time.monotonic() - quiet_since < _QUIET_S:
            if more := self._mailbox.take(path):
                found += more
                quiet_since = time.monotonic()
            time.sleep(0.01)
        return found

    @override
    def live(self) -> Mapping[str, Live]:
        files = self.company.live_files()
        return {item: Live(file.name, file.content.decode()) for item, file in files.items()}

    @override
    def readers(self, item: str) -> set[str]:
        return self.company.readers(item)

    @override
    def check_requests(self) -> None:
        if not DRIVE.is_file():
            return
        for entry in self.peer.asked(self._checked):
            path = DIRECTORY if entry.path.startswith(DIRECTORY_PATH) else DRIVE
            check_request(entry, description(path))
        self._checked = self.company.journal.mark()


class OnesDrive(_Drive):
    """Ida's account, with two folders in My Drive; she may ask the Directory, too."""

    name: ClassVar[str] = "drive_of_one"

    @override
    def _made_places(self) -> dict[Place, str]:
        company = self.company
        places = {place: company.add_folder(place, owner=IDA) for place in Place}
        company.share(places[Place.OPEN], TEAM)
        for who in (ADA, CY):
            company.share(places[Place.CLOSED], who)
        return places

    @override
    def connect(self, tenant: Tenant, name: str) -> Connection:
        client = self.company.add_client(["http://127.0.0.1/back"])
        grant = Grant(client.id, self.company.account(IDA).id, frozenset(READING_SCOPES))
        oauth = self.company.oauth
        return remote.connect(
            tenant,
            self.kind,
            name,
            method=AuthMethod.OAUTH,
            secret={
                "access_token": oauth.new_access_token(grant),
                "refresh_token": oauth.new_refresh_token(grant),
            },
            settings={"admin": IDA},
            client_id=client.id,
            client_secret=client.secret,
            endpoints=self._endpoints,
        )


class CompanysDrive(_Drive):
    """Everybody's, by a service account: a shared drive, and a folder in Ada's My Drive."""

    name: ClassVar[str] = "drive_of_all"

    @override
    def _made_places(self) -> dict[Place, str]:
        company = self.company
        closed = company.add_folder(Place.CLOSED, owner=ADA)
        company.share(closed, CY)
        return {
            Place.OPEN: company.add_drive(Place.OPEN, {IDA: "organizer", TEAM: "reader"}),
            Place.CLOSED: closed,
        }

    @override
    def connect(self, tenant: Tenant, name: str) -> Connection:
        account = _service_account()
        self.company.oauth.service_accounts[account.email] = account
        return remote.connect(
            tenant,
            self.kind,
            name,
            method=AuthMethod.SERVICE_ACCOUNT,
            secret={"key": account.key_file(self.peer.base)},
            settings={"admin": IDA},
            endpoints=self._endpoints,
        )
