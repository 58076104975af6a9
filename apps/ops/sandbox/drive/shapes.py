"""People, permissions and shared drives as the Drive API shows them to one caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apps.ops.sandbox.drive.access import Effective
from apps.ops.sandbox.drive.masks import Mask, leaves
from apps.ops.sandbox.drive.masks import apply as masked
from apps.ops.sandbox.drive.records import RANK, Item, User, written
from apps.ops.sandbox.drive.state import State

Json = dict[str, Any]

USER = leaves("kind displayName photoLink me permissionId emailAddress")
PERMISSION = {
    **leaves("allowFileDiscovery deleted displayName domain emailAddress expirationTime id kind"),
    **leaves("inheritedPermissionsDisabled pendingOwner permissionDetails photoLink role type"),
    **leaves("teamDrivePermissionDetails view"),
}
DRIVE = {
    **leaves("backgroundImageFile backgroundImageLink capabilities colorRgb createdTime hidden id"),
    **leaves("kind name orgUnitId restrictions themeId"),
}
DEFAULT_PERMISSION: Mask = {"kind": {}, "id": {}, "type": {}, "role": {}}
DEFAULT_DRIVE: Mask = {"kind": {}, "id": {}, "name": {}}


@dataclass(frozen=True)
class View:
    """Shows the company to one of its people."""

    state: State
    user: User

    def drive(self, root: Item, mask: Mask) -> Json:
        """Return a shared drive."""
        rank = RANK.get(self.state.access.role(self.user, root), -1)
        manages = rank >= RANK["organizer"]
        shown = {
            "kind": "drive#drive",
            "id": root.id,
            "name": root.name,
            "colorRgb": "#0f9d58",
            "createdTime": written(root.created_at),
            "hidden": False,
            "capabilities": {
                "canAddChildren": rank >= RANK["writer"],
                "canDownload": rank >= RANK["reader"],
                "canListChildren": rank >= RANK["reader"],
                "canManageMembers": manages,
                "canRenameDrive": manages,
                "canShare": rank >= RANK["fileOrganizer"],
            },
            "restrictions": {
                "adminManagedRestrictions": False,
                "copyRequiresWriterPermission": root.copy_restricted,
                "domainUsersOnly": False,
                "driveMembersOnly": False,
            },
        }
        return dict(masked(mask, shown))

    def person(self, user_id: str) -> Json | None:
        """Return somebody, or None if the account is gone."""
        user = self.state.people.users.get(user_id)
        if user is None or user.deleted:
            return None
        return {
            "kind": "drive#user",
            "displayName": user.name,
            "me": user.id == self.user.id,
            "permissionId": user.id,
            "emailAddress": user.email,
        }

    def permission(self, item: Item, effective: Effective) -> Json:
        """Return all that one grantee has on an item."""
        given = effective.permission
        shown: Json = {
            "kind": "drive#permission",
            "id": given.id,
            "type": given.type,
            "role": "reader" if effective.closed else effective.role,
        }
        view = "metadata" if effective.closed else given.view
        if view:
            shown["view"] = view
        if given.expires_at is not None:
            shown["expirationTime"] = written(given.expires_at)
        shown |= self._grantee(effective)
        shown["permissionDetails"] = [
            {
                "permissionType": "member" if grant.source in self.state.drives else "file",
                "role": grant.role,
                "inherited": grant.inherited,
                **({"inheritedFrom": grant.source} if grant.inherited and item.drive_id else {}),
            }
            for grant in effective.grants
        ]
        return shown

    def _grantee(self, effective: Effective) -> Json:
        given = effective.permission
        if given.type == "anyone":
            return {"allowFileDiscovery": given.discoverable}
        if given.type == "domain":
            return {
                "displayName": given.address,
                "domain": given.address,
                "allowFileDiscovery": given.discoverable,
            }
        people = self.state.people
        holder = people.users.get(given.id) or people.groups[given.id]
        if holder.deleted:
            return {"displayName": "", "deleted": True}
        shown: Json = {
            "displayName": holder.name,
            "emailAddress": given.address,
            "deleted": False,
        }
        return shown | ({"pendingOwner": False} if given.type == "user" else {})
