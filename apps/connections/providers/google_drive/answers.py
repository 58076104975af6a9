"""What Google's APIs answer, as typed values; a shape that is not theirs is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from apps.connections.errors import ContractBroken

FOLDER = "application/vnd.google-apps.folder"
SHORTCUT = "application/vnd.google-apps.shortcut"
_RANKS = ("reader", "commenter", "writer", "fileOrganizer", "organizer", "owner")

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Grant:
    """A permission of a file, folder or shared drive as the API shows it: the effective one.

    Attributes:
        id: of the grantee.
        role: the highest one, inherited or not.
        own_role: the highest one given on the item itself; "" for none, None where the API does
            not tell what is inherited.
        view: "metadata" or "published": less than the item itself.
        discoverable: of a domain or anyone, whether no link is needed.
    """

    id: str
    type: str
    role: str
    own_role: str | None = None
    email: str = ""
    domain: str = ""
    label: str = ""
    view: str = ""
    expires_at: datetime | None = None
    discoverable: bool = False
    is_deleted: bool = False

    @classmethod
    def parsed(cls, told: Json) -> Grant:
        """Read a Permission resource."""
        return cls(
            id=text(told, "id"),
            type=text(told, "type"),
            role=text(told, "role"),
            own_role=_own_role(told),
            email=str(told.get("emailAddress", "")).lower(),
            domain=str(told.get("domain", "")).lower(),
            label=str(told.get("displayName", "")),
            view=str(told.get("view", "")),
            expires_at=moment(told.get("expirationTime")),
            discoverable=told.get("allowFileDiscovery") is True,
            is_deleted=told.get("deleted") is True,
        )


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, as Drive names them."""

    id: str
    email: str
    name: str

    @classmethod
    def parsed(cls, told: Json) -> Person:
        """Read a User resource of Drive."""
        email = str(told.get("emailAddress", "")).lower()
        return cls(str(told.get("permissionId", "")), email, str(told.get("displayName", "")))


@dataclass(frozen=True, slots=True)
class File:
    """A file, folder or shortcut.

    Attributes:
        parent: of the folder or drive that it is in; "" where the caller may not see it.
        drive_id: of its shared drive; "" in a My Drive.
        has_own_grants: in shared drives, whether permissions were given on it; None: not told.
        grants: effective ones; None where the caller may not see them, always in shared drives.
        is_restricted: readers may not download or copy it.
    """

    id: str
    name: str
    mime_type: str
    parent: str = ""
    drive_id: str = ""
    is_trashed: bool = False
    is_mine: bool = False
    owners: tuple[Person, ...] = ()
    modified_by: str = ""
    created_at: datetime | None = None
    modified_at: datetime | None = None
    modified: str = ""
    size_bytes: int = 0
    checksum: str = ""
    url: str = ""
    is_limited: bool = False
    has_own_grants: bool | None = None
    grants: tuple[Grant, ...] | None = None
    is_restricted: bool = False
    may_download: bool = True

    @property
    def is_folder(self) -> bool:
        """Whether other items can be in it."""
        return self.mime_type == FOLDER

    @classmethod
    def parsed(cls, told: Json) -> File:
        """Read a File resource."""
        grants = told.get("permissions")
        capabilities = told.get("capabilities") or {}
        return cls(
            id=text(told, "id"),
            name=str(told.get("name", "")),
            mime_type=text(told, "mimeType"),
            parent=str((told.get("parents") or [""])[0]),
            drive_id=str(told.get("driveId", "")),
            is_trashed=told.get("trashed") is True,
            is_mine=told.get("ownedByMe") is True,
            owners=tuple(Person.parsed(each) for each in told.get("owners") or ()),
            modified_by=str((told.get("lastModifyingUser") or {}).get("displayName", "")),
            created_at=moment(told.get("createdTime")),
            modified_at=moment(told.get("modifiedTime")),
            modified=str(told.get("modifiedTime", "")),
            size_bytes=int(told.get("size", 0)),
            checksum=str(told.get("md5Checksum") or told.get("headRevisionId") or ""),
            url=str(told.get("webViewLink", "")),
            is_limited=told.get("inheritedPermissionsDisabled") is True,
            has_own_grants=told.get("hasAugmentedPermissions"),
            grants=None if grants is None else tuple(map(Grant.parsed, grants)),
            is_restricted=_is_restricted(told),
            may_download=capabilities.get("canDownload") is not False,
        )


@dataclass(frozen=True, slots=True)
class Drive:
    """A shared drive; its id is its top folder's, too."""

    id: str
    name: str

    @classmethod
    def parsed(cls, told: Json) -> Drive:
        """Read a Drive resource."""
        return cls(text(told, "id"), str(told.get("name", "")))


@dataclass(frozen=True, slots=True)
class Change:
    """An entry of a log: what something is now, not what was done to it.

    Attributes:
        file: None where it is gone, for the caller or for everybody, and for shared drives.
    """

    file_id: str
    drive_id: str
    is_removed: bool
    file: File | None = None
    is_drive: bool = False

    @classmethod
    def parsed(cls, told: Json) -> Change:
        """Read a Change resource."""
        kind = told.get("changeType")
        if kind not in {"file", "drive"}:
            raise broken("a change", "changeType")
        is_drive = kind == "drive"
        file = told.get("file")
        return cls(
            file_id="" if is_drive else text(told, "fileId"),
            drive_id=text(told, "driveId") if is_drive else str(told.get("driveId", "")),
            is_removed=told.get("removed") is True,
            file=File.parsed(file) if file and not is_drive else None,
            is_drive=is_drive,
        )


def text(told: Json, name: str) -> str:
    """Return a field that has to be there.

    Raises:
        ContractBroken: it is not, or is no text.
    """
    value = told.get(name)
    if not isinstance(value, str) or not value:
        raise broken("an answer", name)
    return value


def listed(told: Any, kind: str, name: str) -> list[Json]:
    """Return the entries of a list.

    Google leaves an empty list out, so the answer's kind tells a list from something else.

    Raises:
        ContractBroken: it is no list of that kind.
    """
    entries = told.get(name, []) if isinstance(told, Mapping) and told.get("kind") == kind else None
    if not isinstance(entries, list) or not all(isinstance(each, Mapping) for each in entries):
        raise broken("a list", name)
    return entries


def moment(told: object) -> datetime | None:
    """Return a time (RFC 3339); None for none."""
    if not told:
        return None
    try:
        at = datetime.fromisoformat(str(told))
    except ValueError as error:
        raise broken("an answer", "a time") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def broken(what: str, name: str) -> ContractBroken:
    """Return the error of an answer that is not as Google describes it."""
    return ContractBroken(
        f"Google sent {what} in which “{name}” is not as it describes it.",
        hint="If it stays so, look for an update of Kenward.",
    )


def rank(role: str) -> int:
    """Return how far a role goes; -1 for one that opens nothing or is not known."""
    return _RANKS.index(role) if role in _RANKS else -1


def _own_role(told: Json) -> str | None:
    details = told.get("permissionDetails")
    if not details:
        return None
    roles = [str(each.get("role", "")) for each in details if each.get("inherited") is False]
    return max(roles, key=rank, default="")


def _is_restricted(told: Json) -> bool:
    effective = (told.get("downloadRestrictions") or {}).get(
        "effectiveDownloadRestrictionWithContext"
    ) or {}
    return (
        told.get("copyRequiresWriterPermission") is True
        or effective.get("restrictedForReaders") is True
    )
