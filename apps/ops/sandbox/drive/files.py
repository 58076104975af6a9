"""files.list, get, export, and about.get."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from starlette.responses import Response

from apps.ops.sandbox.drive import search
from apps.ops.sandbox.drive.call import Call, JsonAnswer
from apps.ops.sandbox.drive.content import EXPORTS, exported
from apps.ops.sandbox.drive.errors import ApiError, drive_not_found, invalid
from apps.ops.sandbox.drive.file_fields import DEFAULT_FILE, FILE, Seen, file
from apps.ops.sandbox.drive.masks import Tree, below, leaves, wants
from apps.ops.sandbox.drive.masks import apply as masked
from apps.ops.sandbox.drive.records import Item
from apps.ops.sandbox.drive.shapes import USER

FILE_LIST: Tree = {"kind": {}, "nextPageToken": {}, "incompleteSearch": {}, "files": FILE}
DEFAULT_LIST = {"kind": {}, "nextPageToken": {}, "incompleteSearch": {}, "files": DEFAULT_FILE}
ABOUT: Tree = {
    **leaves("appInstalled canCreateDrives canCreateTeamDrives driveThemes exportFormats kind"),
    **leaves("folderColorPalette importFormats maxImportSizes maxUploadSize storageQuota"),
    "user": USER,
}
MOST_FILES = 1000


def about(call: Call) -> JsonAnswer:
    """Answer about.get."""
    if not call.text("fields"):
        message = "The 'fields' parameter is required for this method."
        raise ApiError(400, "required", message, "fields")
    shown = {
        "kind": "drive#about",
        "user": call.view.person(call.user.id),
        "canCreateDrives": True,
        "exportFormats": {kind: list(formats) for kind, formats in EXPORTS.items()},
        "maxUploadSize": "5242880000000",
        "storageQuota": {"usage": "0", "usageInDrive": "0", "usageInDriveTrash": "0"},
    }
    return dict(masked(call.mask({}, ABOUT), shown))


def list_files(call: Call) -> JsonAnswer:
    """Answer files.list."""
    mask = call.mask(DEFAULT_LIST, FILE_LIST)
    size = call.size("pageSize", 100, MOST_FILES, coerced=False)
    if call.text("spaces") not in {"", "drive"}:
        raise invalid("spaces")
    ids, next_token = call.company.listings.page(
        call.question, call.text("pageToken"), size, lambda: _found(call)
    )
    shown: JsonAnswer = {"kind": "drive#fileList", "incompleteSearch": False}
    if next_token:
        shown["nextPageToken"] = next_token
    if wants(mask, "files"):
        items = (call.company.items[each] for each in ids if each in call.company.items)
        inner, view = below(mask, "files"), call.view
        shown["files"] = [file(view, item, inner) for item in items if call.sees(item)]
    return {name: value for name, value in shown.items() if wants(mask, name)}


def get(call: Call) -> JsonAnswer | Response:
    """Answer files.get: what is known of an item, or its bytes."""
    item = call.item()
    if call.text("alt") != "media":
        return file(call.view, item, call.mask(DEFAULT_FILE, FILE))
    if not call.grant.scopes & _content_scopes(call):
        raise ApiError(
            403, "insufficientPermissions", "Request had insufficient authentication scopes."
        )
    if not item.is_binary:
        raise ApiError(
            403,
            "fileNotDownloadable",
            "Only files with binary content can be downloaded. Use Export with Docs Editors files.",
            "alt",
        )
    _refuse_closed(call, item)
    return _ranged(item, call.request.headers.get("range", ""))


def export(call: Call) -> Response:
    """Answer files.export."""
    # This method has no supportsAllDrives: it works for items of shared drives as they are.
    item = call.item(any_drive=True)
    mime_type = call.text("mimeType")
    if not mime_type:
        raise ApiError(400, "required", "Required parameter: mimeType", "mimeType")
    content = exported(item, mime_type)
    _refuse_closed(call, item)
    return Response(content, media_type=mime_type)


def shared_drive(call: Call, drive_id: str) -> Item:
    """Return a shared drive that who asks is a member of.

    Raises:
        ApiError: 404, there is none for him; 403, the call did not say that it knows such drives.
    """
    if not call.flag("supportsAllDrives"):
        message = "The driveId parameter needs supportsAllDrives=true."
        raise ApiError(403, "teamDrivesNotSupported", message, "supportsAllDrives")
    root = call.company.drives.get(drive_id)
    if root is None or not call.company.access.lists(call.user, root):
        raise drive_not_found(drive_id)
    return root


def _found(call: Call) -> list[str]:
    state = call.company
    query = search.parsed(call.text("q"), state, call.user)
    candidates, is_in = _corpus(call)
    # What is in a corpus is for the caller to see; only a narrow token hides some of it.
    is_open = call.sees if call.app_files_only else lambda _: True
    if query.folder_id:
        candidates = [state.items[each] for each in state.children.get(query.folder_id, ())]
    wanted = [
        item
        for item in candidates
        if is_in(item) and query.matches(item) and not item.is_root and is_open(item)
    ]
    return [item.id for item in search.sorted_by(wanted, call.text("orderBy"))]


def _corpus(call: Call) -> tuple[Iterable[Item], Callable[[Item], bool]]:
    state, user = call.company, call.user
    corpora = call.text("corpora") or "user"
    everywhere = call.flag("includeItemsFromAllDrives")
    if everywhere and not call.flag("supportsAllDrives"):
        raise invalid("includeItemsFromAllDrives")
    if (corpora == "drive") != bool(call.text("driveId")):
        raise invalid("driveId", "driveId must be specified if and only if corpora is 'drive'.")
    if corpora in {"drive", "allDrives"} and not everywhere:
        raise invalid("corpora", "includeItemsFromAllDrives must be true for this corpora.")
    items = state.items.values()
    if corpora == "drive":
        root = shared_drive(call, call.text("driveId"))
        return state.below(root), lambda item: item.drive_id == root.id
    if corpora == "allDrives":
        return items, lambda item: state.access.lists(user, item)
    if corpora == "domain":
        return items, lambda item: state.access.finds(user, item)
    if corpora != "user":
        raise invalid("corpora")
    joined = {each for each, root in state.drives.items() if state.access.lists(user, root)}
    return (
        items,
        lambda item: (
            (not item.drive_id or (everywhere and item.drive_id not in joined))
            and state.access.lists(user, item)
        ),
    )


def _content_scopes(call: Call) -> set[str]:
    root = "https://www.googleapis.com/auth/"
    return {f"{root}{name}" for name in ("drive", "drive.file", "drive.readonly")}


def _refuse_closed(call: Call, item: Item) -> None:
    if not Seen(call.view, item).may_download:
        message = "This file cannot be downloaded by the user."
        raise ApiError(403, "cannotDownloadFile", message)


def _ranged(item: Item, asked: str) -> Response:
    headers = {"Accept-Ranges": "bytes"}
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", asked)
    if found is None or not (found[1] or found[2]):
        return Response(item.content, media_type=item.mime_type, headers=headers)
    length = len(item.content)
    start = int(found[1]) if found[1] else max(0, length - int(found[2]))
    end = min(int(found[2]), length - 1) if found[1] and found[2] else length - 1
    if start >= length or end < start:
        headers["Content-Range"] = f"bytes */{length}"
        return Response(status_code=416, headers=headers)
    headers["Content-Range"] = f"bytes {start}-{end}/{length}"
    part = item.content[start : end + 1]
    return Response(part, 206, media_type=item.mime_type, headers=headers)
