"""What a company consists of: people, groups, items and permissions, and the clock they live by."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

FOLDER = "application/vnd.google-apps.folder"
SHORTCUT = "application/vnd.google-apps.shortcut"
DOCUMENT = "application/vnd.google-apps.document"
SPREADSHEET = "application/vnd.google-apps.spreadsheet"
PRESENTATION = "application/vnd.google-apps.presentation"
EDITOR_TYPES = frozenset({DOCUMENT, SPREADSHEET, PRESENTATION})

ROLES = ("publishedReader", "reader", "commenter", "writer", "fileOrganizer", "organizer", "owner")
RANK = {role: rank for rank, role in enumerate(ROLES)}
DRIVE_ROLES = frozenset({"organizer", "fileOrganizer", "writer", "commenter", "reader"})

ANYONE = "anyone"


class Clock:
    """The company's time: the real one, set forward by what tests ask for."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        """Return the time, in UTC."""
        return datetime.now(UTC) + self._ahead

    def forward(self, **by: float) -> None:
        """Go forward, such as by `hours=1`; the arguments are those of `timedelta`."""
        self._ahead += timedelta(**by)


def written(moment: datetime) -> str:
    """Return a time as Google writes it: RFC 3339, UTC, milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class User:
    """An account; `id` is also the id of every permission given to it."""

    id: str
    email: str
    name: str
    is_admin: bool = False
    is_external: bool = False
    suspended: bool = False
    deleted: bool = False
    aliases: list[str] = field(default_factory=list)
    root_id: str = ""

    @property
    def domain(self) -> str:
        """The domain of the address."""
        return self.email.partition("@")[2]

    @property
    def may_sign_in(self) -> bool:
        """Whether the account can be used now."""
        return not (self.suspended or self.deleted)


@dataclass
class Group:
    """A group; its members are ids of users, of groups, or the customer's id for everybody."""

    id: str
    email: str
    name: str
    is_external: bool = False
    deleted: bool = False
    members: dict[str, str] = field(default_factory=dict)


@dataclass
class Permission:
    """One grant on one item.

    Attributes:
        id: of the grantee, the same on all items.
        type: user, group, domain or anyone.
        address: as typed when sharing: an e-mail, a domain, or "" for anyone.
        discoverable: for domain and anyone, whether it can be found without the link.
        view: "" or published: only the published copy may be read.
    """

    id: str
    type: str
    role: str
    address: str = ""
    discoverable: bool = False
    expires_at: datetime | None = None
    view: str = ""

    @property
    def place(self) -> str:
        """Its key among the permissions of one item: a grantee has one in each view."""
        return f"{self.id} {self.view}".strip()


@dataclass
class Item:
    """A folder, file or shortcut, or the root of a shared drive or of somebody's My Drive.

    Attributes:
        parent: id of the one folder that it is in; "" for roots.
        drive_id: id of its shared drive; "" in My Drive.
        owner: id of the owning user; "" in shared drives.
        content: bytes of a file; Markdown of a document, CSV of a spreadsheet, text of slides.
        trashed: trashed itself, not through a parent.
        limited: permissions of the parents do not count ("limited access").
        copy_restricted: readers and commenters may not download.
        app: the OAuth client that created it, if one did.
    """

    id: str
    name: str
    mime_type: str
    parent: str
    drive_id: str
    owner: str
    created_at: datetime
    modified_at: datetime
    modified_by: str
    content: bytes = b""
    target: str = ""
    trashed: bool = False
    trashed_at: datetime | None = None
    limited: bool = False
    copy_restricted: bool = False
    version: int = 1
    revision: int = 1
    app: str = ""
    permissions: dict[str, Permission] = field(default_factory=dict)

    @property
    def is_folder(self) -> bool:
        """Whether other items can be in it."""
        return self.mime_type == FOLDER

    @property
    def is_root(self) -> bool:
        """Whether it is a shared drive's or a My Drive's top."""
        return not self.parent

    @property
    def is_binary(self) -> bool:
        """Whether it has bytes of its own, unlike folders, shortcuts and editors' documents."""
        return not self.mime_type.startswith("application/vnd.google-apps.")
