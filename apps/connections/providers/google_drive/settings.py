"""What of an account is synced, read from a connection's settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from apps.connections.errors import SettingsRejected

# What can be picked: the account's own My Drive, a shared drive, or a folder in one of them.
MINE = "mine"
_DRIVE = "drive:"
_FOLDER = "folder:"


class MyDrives(StrEnum):
    """Whose My Drives a service account syncs."""

    ALL = "all"
    GROUP = "group"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Scope:
    """Which parts were picked; with none, everything is synced.

    Attributes:
        mine: whether the account's own My Drive was picked as a whole.
        drives: ids of shared drives that were picked as a whole.
        folders: picked folders, each with the id of its shared drive ("" in My Drive).
    """

    mine: bool = False
    drives: frozenset[str] = frozenset()
    folders: tuple[tuple[str, str], ...] = ()

    @property
    def is_everything(self) -> bool:
        """Whether nothing was picked."""
        return not (self.mine or self.drives or self.folders)

    def touches(self, drive_id: str) -> bool:
        """Return whether anything in a shared drive, or in My Drive (""), is synced."""
        return self.holds_all(drive_id) or any(drive == drive_id for drive, _ in self.folders)

    def holds_all(self, drive_id: str) -> bool:
        """Return whether a shared drive, or My Drive (""), is synced as a whole."""
        if self.is_everything:
            return True
        return drive_id in self.drives if drive_id else self.mine

    @property
    def folder_ids(self) -> frozenset[str]:
        """Ids of the picked folders."""
        return frozenset(folder for _, folder in self.folders)


@dataclass(frozen=True, slots=True)
class DriveSettings:
    """The settings of a connection.

    Attributes:
        listed_links: whose links make what has one findable: "anyone", "domain".
        honours_restrictions: leave out the text of what readers must not download or copy.
        admin: the administrator for whom a service account asks the Directory.
        my_drives: of whom a service account syncs My Drive.
        group: the address of that group.
    """

    scope: Scope = Scope()
    listed_links: frozenset[str] = frozenset()
    honours_restrictions: bool = True
    admin: str = ""
    my_drives: MyDrives = MyDrives.ALL
    group: str = ""

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> DriveSettings:
        """Read stored settings; what is not there has its usual value.

        Raises:
            SettingsRejected: they make no sense.
        """
        links = {
            kind
            for kind, name in (("anyone", "lists_links"), ("domain", "lists_domain_links"))
            if stored.get(name)
        }
        try:
            my_drives = MyDrives(stored.get("my_drives") or MyDrives.ALL)
        except ValueError as error:
            raise _rejected() from error
        return cls(
            scope=scope_of(stored.get("chosen") or []),
            listed_links=frozenset(links),
            honours_restrictions=bool(stored.get("honours_restrictions", True)),
            admin=str(stored.get("admin", "")).strip().lower(),
            my_drives=my_drives,
            group=str(stored.get("group", "")).strip().lower(),
        )


def scope_of(chosen: object) -> Scope:
    """Return what a list of choices means.

    Raises:
        SettingsRejected: one of them is no choice.
    """
    if not isinstance(chosen, list) or not all(isinstance(each, str) for each in chosen):
        raise _rejected()
    drives: set[str] = set()
    folders: list[tuple[str, str]] = []
    for each in chosen:
        drive_id, _, folder_id = each.removeprefix(_FOLDER).partition("/")
        if each.startswith(_DRIVE):
            drives.add(each.removeprefix(_DRIVE))
        elif each.startswith(_FOLDER) and folder_id:
            folders.append(("" if drive_id == MINE else drive_id, folder_id))
        elif each != MINE:
            raise _rejected()
    return Scope(MINE in chosen, frozenset(drives), tuple(sorted(folders)))


def drive_choice(drive_id: str) -> str:
    """Return how a shared drive is named among choices; "" is My Drive."""
    return f"{_DRIVE}{drive_id}" if drive_id else MINE


def folder_choice(drive_id: str, folder_id: str) -> str:
    """Return how a folder is named among choices."""
    return f"{_FOLDER}{drive_id or MINE}/{folder_id}"


def _rejected() -> SettingsRejected:
    return SettingsRejected(
        "The settings of this connection cannot be read.", hint="Save them again."
    )
