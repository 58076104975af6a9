"""files.create, update and delete: acting for a person."""

from __future__ import annotations

from starlette.responses import Response

from apps.ops.sandbox.drive.call import Call, JsonAnswer
from apps.ops.sandbox.drive.errors import (
    ApiError,
    insufficient_file_permissions,
    invalid,
    not_found,
)
from apps.ops.sandbox.drive.file_fields import DEFAULT_FILE, FILE, file
from apps.ops.sandbox.drive.records import FOLDER, RANK, SHORTCUT, Item


def create(call: Call) -> JsonAnswer:
    """Answer files.create: an item without content, or with that of a simple upload."""
    mask = call.mask(DEFAULT_FILE, FILE)
    is_upload = call.text("uploadType") == "media"
    sent = {} if is_upload else call.body
    uploaded_type = call.request.headers.get("content-type", "") if is_upload else ""
    parents = sent.get("parents") or [call.user.root_id]
    if not isinstance(parents, list) or len(parents) != 1:
        raise ApiError(403, "multipleParentsNotSupported", "A file has one parent.", "parents")
    folder = _folder(call, str(parents[0]))
    mime_type = str(sent.get("mimeType") or uploaded_type or "application/octet-stream")
    target = sent.get("shortcutDetails", {}).get("targetId", "") if mime_type == SHORTCUT else ""
    item = call.company.add_item(
        str(sent.get("name") or "Untitled"),
        mime_type,
        content=call.content if is_upload else b"",
        target=target,
        into=folder.id,
        owner=call.user.email,
    )
    item.app = call.grant.client_id
    return file(call.view, item, mask)


def update(call: Call) -> JsonAnswer:
    """Answer files.update: name, place, trash, content."""
    mask = call.mask(DEFAULT_FILE, FILE)
    item = call.item()
    if not call.company.access.may_write(call.user, item):
        raise insufficient_file_permissions()
    if call.text("uploadType") == "media":
        call.company.edit(item.id, call.content, by=call.user.email)
        return file(call.view, item, mask)
    if "name" in call.body:
        call.company.rename(item.id, str(call.body["name"]), by=call.user.email)
    if call.text("addParents"):
        _move(call, item)
    if "trashed" in call.body and bool(call.body["trashed"]) != item.trashed:
        _refuse_others(call, item, "fileOrganizer")
        (call.company.trash if call.body["trashed"] else call.company.untrash)(item.id)
    if "copyRequiresWriterPermission" in call.body:
        forbidden = bool(call.body["copyRequiresWriterPermission"])
        call.company.forbid_download(item.id, forbidden=forbidden)
    return file(call.view, item, mask)


def delete(call: Call) -> Response:
    """Answer files.delete."""
    item = call.item()
    _refuse_others(call, item, "organizer")
    if item.is_root:
        raise insufficient_file_permissions()
    call.company.delete(item.id)
    return Response(status_code=204)


def _move(call: Call, item: Item) -> None:
    if call.text("removeParents") not in {"", item.parent}:
        raise invalid("removeParents")
    folder = _folder(call, call.text("addParents"))
    try:
        call.company.move(item.id, folder.id)
    except ValueError as error:
        raise ApiError(403, "cannotAddParent", str(error), "addParents") from error


def _folder(call: Call, folder_id: str) -> Item:
    folder = call.company.items.get(call.user.root_id if folder_id == "root" else folder_id)
    is_own_root = folder is not None and folder.id == call.user.root_id
    if folder is None or not (is_own_root or call.sees(folder)):
        raise not_found(folder_id)
    if folder.drive_id and not call.flag("supportsAllDrives"):
        raise not_found(folder_id)
    if folder.mime_type != FOLDER:
        raise ApiError(403, "parentNotAFolder", "The specified parent is not a folder.")
    if not call.company.access.may_write(call.user, folder):
        raise insufficient_file_permissions()
    return folder


def _refuse_others(call: Call, item: Item, needed: str) -> None:
    if RANK.get(call.company.access.role(call.user, item), -1) < RANK[needed]:
        raise insufficient_file_permissions()
