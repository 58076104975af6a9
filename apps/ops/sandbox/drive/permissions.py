"""permissions.list and get: the effective permissions of an item."""

from __future__ import annotations

from apps.ops.sandbox.drive.access import Effective
from apps.ops.sandbox.drive.call import Call, JsonAnswer
from apps.ops.sandbox.drive.errors import ApiError, insufficient_file_permissions, not_found
from apps.ops.sandbox.drive.masks import Tree, below, wants
from apps.ops.sandbox.drive.masks import apply as masked
from apps.ops.sandbox.drive.records import Item
from apps.ops.sandbox.drive.shapes import DEFAULT_PERMISSION, PERMISSION

PERMISSION_LIST: Tree = {"kind": {}, "nextPageToken": {}, "permissions": PERMISSION}
DEFAULT_LIST = {"kind": {}, "nextPageToken": {}, "permissions": DEFAULT_PERMISSION}
MOST_PERMISSIONS = 100


def list_permissions(call: Call) -> JsonAnswer:
    """Answer permissions.list."""
    mask = call.mask(DEFAULT_LIST, PERMISSION_LIST)
    item = _shareable(call)
    found = _effective(call, item)
    size = call.size("pageSize", MOST_PERMISSIONS, MOST_PERMISSIONS, coerced=False)
    places, next_token = call.company.listings.page(
        call.question, call.text("pageToken"), size, lambda: list(found)
    )
    shown: JsonAnswer = {"kind": "drive#permissionList"}
    if next_token:
        shown["nextPageToken"] = next_token
    if wants(mask, "permissions"):
        inner = below(mask, "permissions")
        shown["permissions"] = [
            masked(inner, call.view.permission(item, found[place]))
            for place in places
            if place in found
        ]
    return {name: value for name, value in shown.items() if wants(mask, name)}


def get_permission(call: Call) -> JsonAnswer:
    """Answer permissions.get."""
    mask = call.mask(DEFAULT_PERMISSION, PERMISSION)
    item = _shareable(call)
    permission_id = call.request.path_params["permissionId"]
    for each in _effective(call, item).values():
        if each.permission.id == permission_id:
            return dict(masked(mask, call.view.permission(item, each)))
    message = f"Permission not found: {permission_id}."
    raise ApiError(404, "notFound", message, "permissionId")


def _shareable(call: Call) -> Item:
    if call.flag("useDomainAdminAccess"):
        return _administered(call)
    item = call.item()
    if not call.company.access.may_write(call.user, item):
        raise insufficient_file_permissions()
    return item


def _administered(call: Call) -> Item:
    file_id = call.request.path_params["fileId"]
    root = call.company.drives.get(file_id)
    if root is None or not call.user.is_admin:
        raise not_found(file_id)
    return root


def _effective(call: Call, item: Item) -> dict[str, Effective]:
    published = call.text("includePermissionsForView") == "published"
    return {
        each.permission.place: each
        for each in call.company.access.effective(item)
        if published or not each.permission.view
    }
