"""The fields of a file, each computed only where it is asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from apps.ops.sandbox.drive.masks import Mask, Tree, below, leaves, wants
from apps.ops.sandbox.drive.masks import apply as masked
from apps.ops.sandbox.drive.records import RANK, Item, written
from apps.ops.sandbox.drive.shapes import PERMISSION, USER, Json, View

EDITORS = {"document": "document", "spreadsheet": "spreadsheets", "presentation": "presentation"}
DEFAULT_FILE: Mask = {"kind": {}, "id": {}, "name": {}, "mimeType": {}}


@dataclass(frozen=True)
class Seen:
    """An item before the eyes of one caller."""

    view: View
    item: Item

    @property
    def rank(self) -> int:
        """How much the caller may do with it; -1 for nothing."""
        return RANK.get(self.view.state.access.role(self.view.user, self.item), -1)

    @property
    def may_download(self) -> bool:
        """Whether the caller may have the content."""
        return self.rank >= RANK["writer" if self.item.copy_restricted else "reader"]

    @property
    def may_share(self) -> bool:
        """Whether the caller may share it."""
        return self.view.state.access.may_share(self.view.user, self.item)


# None of a field means that it is left out.
Field = Callable[[Seen], object]


def file(view: View, item: Item, mask: Mask) -> Json:
    """Return an item as far as the mask wants it."""
    seen = Seen(view, item)
    shown: Json = {}
    for name, value_of in FILE_FIELDS.items():
        if wants(mask, name):
            value = value_of(seen)
            if value is not None:
                shown[name] = masked(below(mask, name), value)
    return shown


def _capabilities(seen: Seen) -> dict[str, bool]:
    is_folder, rank = seen.item.is_folder, seen.rank
    writes, removes = rank >= RANK["writer"], rank >= RANK["fileOrganizer"]
    return {
        "canAddChildren": is_folder and writes,
        "canComment": rank >= RANK["commenter"],
        "canCopy": not is_folder and seen.may_download,
        "canDelete": rank >= RANK["organizer"],
        "canDownload": not is_folder and seen.may_download,
        "canEdit": writes,
        "canListChildren": is_folder and rank >= RANK["reader"],
        "canReadRevisions": not is_folder and writes,
        "canRename": writes,
        "canShare": seen.may_share,
        "canTrash": removes,
        "canUntrash": removes,
    }


def _permissions(seen: Seen) -> list[Json] | None:
    # Never in shared drives, and only for those who may share: permissions.list is for the others.
    if seen.item.drive_id or not seen.may_share:
        return None
    effective = seen.view.state.access.effective(seen.item)
    return [seen.view.permission(seen.item, each) for each in effective if not each.permission.view]


def _permission_ids(seen: Seen) -> list[str] | None:
    permissions = _permissions(seen)
    return None if permissions is None else [each["id"] for each in permissions]


def _parents(seen: Seen) -> list[str] | None:
    parent = seen.view.state.items.get(seen.item.parent)
    if parent is None or not seen.view.state.access.sees(seen.view.user, parent):
        return None
    return [parent.id]


def _shortcut(seen: Seen) -> dict[str, str] | None:
    if not seen.item.target:
        return None
    target = seen.view.state.items.get(seen.item.target)
    kind = {"targetMimeType": target.mime_type} if target else {}
    return {"targetId": seen.item.target, **kind}


def _link(seen: Seen) -> str:
    item = seen.item
    if item.is_folder:
        return f"https://drive.google.com/drive/folders/{item.id}"
    editor = EDITORS.get(item.mime_type.removeprefix("application/vnd.google-apps."))
    if editor:
        return f"https://docs.google.com/{editor}/d/{item.id}/edit?usp=drivesdk"
    return f"https://drive.google.com/file/d/{item.id}/view?usp=drivesdk"


def _size(seen: Seen) -> str | None:
    has_none = seen.item.is_folder or seen.item.target
    return None if has_none else str(len(seen.item.content))


def _trashed_time(seen: Seen) -> str | None:
    item = seen.item
    return written(item.trashed_at) if item.trashed_at and item.drive_id else None


def _owners(seen: Seen) -> list[Json]:
    owner = seen.view.person(seen.item.owner)
    return [owner] if owner else []


def _always(value: object) -> Field:
    return lambda _: value


def _in_my_drive(value_of: Field) -> Field:
    return lambda seen: None if seen.item.drive_id else value_of(seen)


def _of_bytes(value_of: Field) -> Field:
    return lambda seen: value_of(seen) if seen.item.is_binary else None


def _md5(seen: Seen) -> str:
    return hashlib.md5(seen.item.content, usedforsecurity=False).hexdigest()


FILE_FIELDS: Mapping[str, Field] = {
    "kind": _always("drive#file"),
    "id": lambda seen: seen.item.id,
    "name": lambda seen: seen.item.name,
    "mimeType": lambda seen: seen.item.mime_type,
    "parents": _parents,
    "driveId": lambda seen: seen.item.drive_id or None,
    "teamDriveId": lambda seen: seen.item.drive_id or None,
    "trashed": lambda seen: seen.view.state.is_trashed(seen.item),
    "explicitlyTrashed": lambda seen: seen.item.trashed,
    "trashedTime": _trashed_time,
    "createdTime": lambda seen: written(seen.item.created_at),
    "modifiedTime": lambda seen: written(seen.item.modified_at),
    "version": lambda seen: str(seen.item.version),
    "lastModifyingUser": lambda seen: seen.view.person(seen.item.modified_by),
    "owners": _in_my_drive(_owners),
    "ownedByMe": _in_my_drive(lambda seen: seen.item.owner == seen.view.user.id),
    "shared": _in_my_drive(lambda seen: len(seen.view.state.access.effective(seen.item)) > 1),
    "writersCanShare": _in_my_drive(_always(True)),  # noqa: FBT003 - the value of the field
    "permissions": _permissions,
    "permissionIds": _permission_ids,
    "hasAugmentedPermissions": lambda seen: (
        bool(seen.item.permissions) if seen.item.drive_id else None
    ),
    "inheritedPermissionsDisabled": lambda seen: seen.item.limited,
    "capabilities": _capabilities,
    "copyRequiresWriterPermission": lambda seen: seen.item.copy_restricted,
    "viewersCanCopyContent": lambda seen: not seen.item.copy_restricted,
    "shortcutDetails": _shortcut,
    "size": _size,
    "quotaBytesUsed": lambda seen: _size(seen) or "0",
    "md5Checksum": _of_bytes(_md5),
    "sha256Checksum": _of_bytes(lambda seen: hashlib.sha256(seen.item.content).hexdigest()),
    "headRevisionId": _of_bytes(lambda seen: f"{seen.item.id[1:20]}-{seen.item.revision}"),
    "spaces": _always(["drive"]),
    "webViewLink": _link,
}
# Of the official description, but never filled here: asking for them is no mistake.
EMPTY_FIELDS = {
    **leaves("appProperties clientEncryptionDetails contentHints contentRestrictions description"),
    **leaves("downloadRestrictions exportLinks fileExtension folderColorRgb fullFileExtension"),
    **leaves("hasThumbnail iconLink imageMediaMetadata isAppAuthorized"),
    **leaves("labelInfo linkShareMetadata modifiedByMe modifiedByMeTime originalFilename"),
    **leaves("properties resourceKey sha1Checksum sharedWithMeTime sharingUser starred"),
    **leaves("thumbnailLink thumbnailVersion trashingUser videoMediaMetadata viewedByMe"),
    **leaves("viewedByMeTime webContentLink"),
}
FILE: Tree = {
    **leaves(" ".join(FILE_FIELDS)),
    **EMPTY_FIELDS,
    "owners": USER,
    "lastModifyingUser": USER,
    "permissions": PERMISSION,
    "shortcutDetails": leaves("targetId targetMimeType targetResourceKey"),
}
