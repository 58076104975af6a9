"""drives.list and get: the shared drives of a user, or of the domain for an administrator."""

from __future__ import annotations

from apps.ops.sandbox.drive.call import Call, JsonAnswer
from apps.ops.sandbox.drive.errors import ApiError, drive_not_found, invalid
from apps.ops.sandbox.drive.masks import Tree, below, wants
from apps.ops.sandbox.drive.records import Item
from apps.ops.sandbox.drive.shapes import DEFAULT_DRIVE, DRIVE

DRIVE_LIST: Tree = {"kind": {}, "nextPageToken": {}, "drives": DRIVE}
DEFAULT_LIST = {"kind": {}, "nextPageToken": {}, "drives": DEFAULT_DRIVE}
MOST_DRIVES = 100


def list_drives(call: Call) -> JsonAnswer:
    """Answer drives.list."""
    mask = call.mask(DEFAULT_LIST, DRIVE_LIST)
    if call.text("q"):
        # Searching for drives is not simulated: an unfiltered answer would be wrong.
        raise invalid("q")
    drives = call.company.drives
    ids, next_token = call.company.listings.page(
        call.question,
        call.text("pageToken"),
        call.size("pageSize", 10, MOST_DRIVES),
        lambda: [root.id for root in drives.values() if _is_shown(call, root)],
    )
    shown: JsonAnswer = {"kind": "drive#driveList"}
    if next_token:
        shown["nextPageToken"] = next_token
    if wants(mask, "drives"):
        roots = (drives[each] for each in ids if each in drives)
        inner = below(mask, "drives")
        shown["drives"] = [call.view.drive(root, inner) for root in roots if _is_shown(call, root)]
    return {name: value for name, value in shown.items() if wants(mask, name)}


def get_drive(call: Call) -> JsonAnswer:
    """Answer drives.get."""
    mask = call.mask(DEFAULT_DRIVE, DRIVE)
    drive_id = call.request.path_params["driveId"]
    root = call.company.drives.get(drive_id)
    if root is None or not _is_shown(call, root):
        raise drive_not_found(drive_id)
    return call.view.drive(root, mask)


def _is_shown(call: Call, root: Item) -> bool:
    if not call.flag("useDomainAdminAccess"):
        return call.company.access.lists(call.user, root)
    if not call.user.is_admin:
        message = "The requesting user is not an administrator of the domain."
        raise ApiError(403, "insufficientPermissions", message, "useDomainAdminAccess")
    return True
