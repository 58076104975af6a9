"""Files as documents: what is indexed at all, under which name and in which version."""

from __future__ import annotations

from typing import Any

from apps.connections.protocol import ItemKind, RemoteItem
from apps.connections.providers.google_drive.answers import FOLDER, SHORTCUT, File
from apps.connections.providers.google_drive.logs import Log
from apps.connections.providers.google_drive.tree import Placed

_GOOGLE = "application/vnd.google-apps."
_OFFICE = "application/vnd.openxmlformats-officedocument"
MARKDOWN = "text/markdown"
# What each editor's documents are exported as, the best first.
EXPORTS: dict[str, tuple[str, ...]] = {
    f"{_GOOGLE}document": (MARKDOWN, "text/plain"),
    f"{_GOOGLE}spreadsheet": (f"{_OFFICE}.spreadsheetml.sheet",),
    f"{_GOOGLE}presentation": (f"{_OFFICE}.presentationml.presentation", "text/plain"),
    f"{_GOOGLE}drawing": ("application/pdf",),
}
# What is kept of a file beside what every document has (JSON Schema, draft 2020-12).
FIELDS_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Google Drive",
    "type": "object",
    "properties": {
        "mimeType": {"type": "string", "description": "The type by Drive's own name."},
        "driveId": {"type": "string", "description": "The shared drive that it is in."},
        "home": {
            "type": "string",
            "pattern": "^(user|drive):",
            "description": "The My Drive or shared drive whose log of changes tells of it.",
        },
        "isRestricted": {
            "type": "boolean",
            "description": "Whether readers may not download, print or copy it.",
        },
    },
    "additionalProperties": False,
}


def is_document(file: File) -> bool:
    """Return whether a file is indexed.

    Shortcuts are not: their target is. Nor is what has no text to be had (forms, sites, maps).
    """
    if file.mime_type in {FOLDER, SHORTCUT}:
        return False
    return not file.mime_type.startswith(_GOOGLE) or file.mime_type in EXPORTS


def item_of(file: File, log: Log, placed: Placed) -> RemoteItem:
    """Return a file as a document."""
    owner = file.owners[0].name if file.owners else ""
    fields: dict[str, Any] = {
        "mimeType": file.mime_type,
        "home": log.home,
        "isRestricted": file.is_restricted,
    }
    if file.drive_id:
        fields["driveId"] = file.drive_id
    return RemoteItem(
        external_id=file.id,
        title=file.name,
        path=placed.path,
        version=_version(file),
        policy=placed.policy,
        mime_type=EXPORTS.get(file.mime_type, (file.mime_type,))[0],
        size_bytes=file.size_bytes,
        url=file.url,
        modified_at=file.modified_at,
        author=file.modified_by or owner,
        kind=ItemKind.PAGE if file.mime_type == f"{_GOOGLE}document" else ItemKind.FILE,
        created_at=file.created_at,
        fields=fields,
    )


def _version(file: File) -> str:
    """Return what changes with the content, and not with name, place or readers.

    Files have a checksum. Documents of Google's editors have none; Drive's own version counts
    shares and moves too, so the time of the last change and the size stand for the content. A
    rename may move that time; then a document is read once more than needed.
    """
    return file.checksum or f"{file.modified}/{file.size_bytes}"
