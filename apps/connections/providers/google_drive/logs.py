"""What is listed and followed apart: one My Drive for each person, and each shared drive.

Google keeps one log of changes for each of them. Every item belongs to exactly one: the log of its
shared drive, or of who owns it. So nothing is told twice, and a removal counts only in the item's
own log: in any other it says no more than that somebody lost access.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from apps.connections.credentials.account import Account
from apps.connections.errors import ItemForbidden, ItemGone, SettingsRejected
from apps.connections.providers.google_drive.answers import Drive, File, Grant, Person, rank
from apps.connections.providers.google_drive.client import DriveClient
from apps.connections.providers.google_drive.dialect import judge
from apps.connections.providers.google_drive.directory import DirectoryClient, User
from apps.connections.providers.google_drive.people import People
from apps.connections.providers.google_drive.settings import DriveSettings, MyDrives

_USER = "user:"
_DRIVE = "drive:"
# How many owners who cannot be asked any more one query names; Google limits its length.
_MOST_OWNERS = 50


@dataclass(frozen=True, slots=True)
class Log:
    """A My Drive or a shared drive, and who is asked about it.

    Attributes:
        name: "user:<address>" or "drive:<id>".
        drive_id: "" for a My Drive.
        home: what items remember of it; names people by id.
        label: what people call it.
    """

    name: str
    client: DriveClient
    asks_as: Person
    drive_id: str = ""
    home: str = ""
    label: str = ""


class Logs:
    """The logs of one account.

    Args:
        account: connected.
        settings: of the connection.
    """

    def __init__(self, account: Account, settings: DriveSettings) -> None:
        self._account = account
        self.settings = settings
        self.acts_for_others = account.can_act_for_others
        self._clients: dict[str, DriveClient] = {}
        self._known: dict[str, Log] = {}
        self.people = People(self._directory())

    def client(self, email: str = "") -> DriveClient:
        """Return a client that asks for a person; empty: for the account, or the administrator."""
        if self.acts_for_others and not email:
            email = self._admin()
        if email not in self._clients:
            http = self._account.client(acting_as=email, judge=judge)
            self._clients[email] = DriveClient(http, self._account.endpoints["drive"])
        return self._clients[email]

    @cached_property
    def me(self) -> Person:
        """Who the account is; the administrator for a service account."""
        return self.client().me()

    def names(self) -> list[str]:
        """Return the names of all logs, in the order in which they are listed."""
        return list(self._names)

    @cached_property
    def _names(self) -> dict[str, None]:
        scope = self.settings.scope
        drives = [f"{_DRIVE}{drive_id}" for drive_id in self.drives if scope.touches(drive_id)]
        people = sorted(f"{_USER}{email}" for email in self._addresses())
        return dict.fromkeys(sorted(drives) + people)

    def is_synced(self, log: Log) -> bool:
        """Return whether a log is among those that are listed and followed."""
        return log.name in self._names

    @cached_property
    def drives(self) -> dict[str, Drive]:
        """All shared drives that can be synced, by id."""
        found = self.client().drives(as_admin=self.acts_for_others)
        return {drive.id: drive for drive in found}

    def homes(self) -> dict[str, str]:
        """Return what items remember of each log (see `Log.home`), by the log's name."""
        return {name: name if drive_of(name) else self._home_of(name) for name in self.names()}

    def is_suspended(self, home: str) -> bool:
        """Return whether a log's person still has an account that nobody may use."""
        user = self.people.users.get(home.removeprefix(_USER))
        return user is not None and not user.is_active

    def log(self, name: str) -> Log:
        """Return a log.

        Raises:
            ItemGone: there is no such drive or person any more.
            ItemForbidden: nobody whom Kenward may act for can read it.
        """
        if name not in self._known:
            is_drive = name.startswith(_DRIVE)
            key = name.removeprefix(_DRIVE if is_drive else _USER)
            self._known[name] = self._drive_log(key) if is_drive else self._user_log(key)
        return self._known[name]

    def of_file(self, file: File) -> Log | None:
        """Return the log that an item belongs to; None where that is not synced.

        For an account of one person all items outside of shared drives belong to that person's.
        """
        if file.drive_id:
            return self.log(f"{_DRIVE}{file.drive_id}") if file.drive_id in self.drives else None
        if not self.acts_for_others:
            return self.log(f"{_USER}{self.me.email}")
        owner = self.people.user(file.owners[0].email) if file.owners else None
        return self.log(f"{_USER}{owner.email}") if owner and owner.is_active else None

    def covers(self, log: Log, file: File) -> bool:
        """Return whether an item that a log's reader sees belongs to the log."""
        if log.drive_id or file.drive_id:
            return log.drive_id == file.drive_id
        if not self.acts_for_others or file.is_mine:
            return True
        # Whoever may share it tells the same of what nobody can be asked about.
        owner = self.people.user(file.owners[0].email) if file.owners else None
        return owner is not None and not owner.is_active and file.grants is not None

    def query(self, log: Log) -> str:
        """Return what of the reader's files a listing asks for."""
        if log.drive_id or not self.acts_for_others:
            return "trashed = false"
        gone = sorted(user.email for user in self.people.users.values() if not user.is_active)
        owners = ["'me' in owners", *(f"'{_quoted(one)}' in owners" for one in gone[:_MOST_OWNERS])]
        return f"({' or '.join(owners)}) and trashed = false"

    def drive_grants(self, drive_id: str) -> tuple[Grant, ...] | None:
        """Return who is in a shared drive now; None where the account may not see that."""
        try:
            return self.client().grants(drive_id, as_admin=self.acts_for_others)
        except ItemForbidden:
            return None

    def in_scope(self, log: Log, folder_ids: Iterable[str]) -> bool:
        """Return whether an item is synced that lies in these folders, one in the other."""
        if self.acts_for_others and not log.drive_id:
            return True
        scope = self.settings.scope
        return scope.holds_all(log.drive_id) or not scope.folder_ids.isdisjoint(folder_ids)

    def home(self, home: str) -> Log | None:
        """Return the log that an item remembers; None where it is no more."""
        try:
            if home.startswith(_DRIVE):
                return self.log(home)
            if not self.acts_for_others:
                return self.log(f"{_USER}{self.me.email}")
            user = self.people.users.get(home.removeprefix(_USER))
            return self.log(f"{_USER}{user.email}") if user and user.is_active else None
        except (ItemGone, ItemForbidden):
            return None

    def active_people(self) -> list[User]:
        """Return all whom a service account can act for, the administrator first."""
        people = [user for user in self.people.users.values() if user.is_active]
        return sorted(people, key=lambda user: (user.email != self._admin(), user.email))

    def _home_of(self, name: str) -> str:
        if not self.acts_for_others:
            return f"{_USER}{self.me.id}"
        user = self.people.user(name.removeprefix(_USER))
        return f"{_USER}{user.id}" if user else ""

    def _addresses(self) -> list[str]:
        if not self.acts_for_others:
            return [self.me.email] if self.settings.scope.touches("") else []
        if self.settings.my_drives == MyDrives.NONE:
            return []
        if self.settings.my_drives == MyDrives.GROUP:
            return list({user.email for user in self.people.active_in(self.settings.group)})
        return [user.email for user in self.people.users.values() if user.is_active]

    def _user_log(self, email: str) -> Log:
        if not self.acts_for_others:
            if email != self.me.email:
                raise ItemGone("This is another account.", external_id=email)
            person, client = self.me, self.client()
        else:
            user = self.people.user(email)
            if user is None or not user.is_active:
                raise ItemGone("Nobody active has this address.", external_id=email)
            person, client = Person(user.id, user.email, user.name), self.client(user.email)
        label = f"My Drive of {person.name or person.email}"
        return Log(f"{_USER}{email}", client, person, "", f"{_USER}{person.id}", label)

    def _drive_log(self, drive_id: str) -> Log:
        drive = self.drives.get(drive_id)
        if drive is None:
            raise ItemGone("There is no such shared drive.", external_id=drive_id)
        reader = self._drive_reader(drive) if self.acts_for_others else self.me
        client = self.client(reader.email) if self.acts_for_others else self.client()
        name = f"{_DRIVE}{drive_id}"
        return Log(name, client, reader, drive_id, name, drive.name)

    def _drive_reader(self, drive: Drive) -> Person:
        """Return who is to be asked about a shared drive: who has the most rights in it."""
        grants = sorted(self.drive_grants(drive.id) or (), key=lambda each: -rank(each.role))
        for user in self._members(grants):
            return Person(user.id, user.email, user.name)
        raise ItemForbidden(
            f"Nobody of the company is in the shared drive “{drive.name}”.",
            external_id=drive.id,
            hint="Make a person or a group of the company a manager of it.",
        )

    def _members(self, grants: Sequence[Grant]) -> Iterator[User]:
        for grant in grants:
            if grant.type == "user":
                user = self.people.user(grant.email)
                if user is not None and user.is_active:
                    yield user
            elif grant.type == "group" and grant.email:
                try:
                    yield from self.people.active_in(grant.email)
                except (ItemForbidden, ItemGone):
                    continue

    def _directory(self) -> DirectoryClient | None:
        if not self.settings.admin:
            return None
        acting_as = self.settings.admin if self.acts_for_others else ""
        http = self._account.client(acting_as=acting_as, judge=judge)
        return DirectoryClient(http, self._account.endpoints["directory"])

    def _admin(self) -> str:
        if not self.settings.admin:
            raise SettingsRejected(
                "A service account needs to know for which administrator it asks.",
                hint="Enter the address of an administrator in the connection's settings.",
            )
        return self.settings.admin


def name_of_drive(drive_id: str) -> str:
    """Return the name of a shared drive's log."""
    return f"{_DRIVE}{drive_id}"


def drive_of(name: str) -> str:
    """Return the shared drive of a log; "" for a My Drive's."""
    return name.removeprefix(_DRIVE) if name.startswith(_DRIVE) else ""


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")
