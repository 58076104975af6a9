"""Google Drive: allowances along the chain of folders, and limited access.

From the service's own description (permissions.list, files; providers.md, 1) [D]: type user, group,
domain, anyone; role owner, organizer, fileOrganizer, writer, commenter, reader; `view` "metadata"
lists an item without opening it, "published" shows its published copy only; `expirationTime`,
`deleted`, `pendingOwner` (no right yet); `allowFileDiscovery` false on domain and anyone: only with
the link; `inheritedPermissionsDisabled` cuts off what folders above grant. That owners and a shared
drive's managers (organizer) pass this cut is from memory [M], as is that a fileOrganizer does not.

Permissions that `permissionDetails` calls inherited belong to the place above, and are left out
here; where the place above is not synced, hand them in as the item's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from apps.connections.dialects import link
from apps.connections.dialects.audiences import EVERYONE
from apps.connections.dialects.granting import place
from apps.connections.protocol import (
    Level,
    PrincipalKind,
    RemoteAcl,
    RemoteEntry,
    RemotePrincipal,
)

_LEVELS = {
    "owner": Level.WRITE,
    "organizer": Level.WRITE,
    "fileOrganizer": Level.WRITE,
    "writer": Level.WRITE,
    "commenter": Level.COMMENT,
    "reader": Level.READ,
}
_STICKY = frozenset({"owner", "organizer"})


@dataclass(frozen=True, slots=True)
class Permission:
    """One permission of a file, folder or shared drive, in the API's words."""

    id: str
    type: str
    role: str
    email: str = ""
    domain: str = ""
    view: str = ""
    expires_at: datetime | None = None
    allow_file_discovery: bool = False
    is_deleted: bool = False
    is_inherited: bool = False


def readers(
    file_id: str,
    permissions: Iterable[Permission],
    *,
    parent: str | None = None,
    inherited_permissions_disabled: bool = False,
    lists_links: bool = False,
    label: str = "",
) -> RemoteAcl:
    """Return the place of a file, folder or shared drive.

    Args:
        file_id: as the API names it.
        permissions: its own ones.
        parent: the folder or drive above it.
        inherited_permissions_disabled: limited access.
        lists_links: whether the connection opted in to list what anyone with the link may read.
        label: what people see.
    """
    entries = [
        entry
        for permission in permissions
        if (entry := _entry(permission, lists_links=lists_links))
    ]
    return place(file_id, entries, label=label, parent=parent, cuts=inherited_permissions_disabled)


def _entry(permission: Permission, *, lists_links: bool) -> RemoteEntry | None:
    level = _LEVELS.get(permission.role)
    # Any view, also one that is new, is something less than the document.
    if level is None or permission.view or permission.is_deleted or permission.is_inherited:
        return None
    if permission.type in {"anyone", "domain"} and not permission.allow_file_discovery:
        return link.entry(lists=lists_links, level=level, expires_at=permission.expires_at)
    principal = _principal(permission)
    if principal is None:
        return None
    return RemoteEntry(
        principal,
        is_sticky=permission.role in _STICKY,
        expires_at=permission.expires_at,
        level=level,
    )


def _principal(permission: Permission) -> RemotePrincipal | None:
    match permission.type:
        case "user":
            return RemotePrincipal(PrincipalKind.USER, permission.id, email=permission.email)
        case "group":
            return RemotePrincipal(PrincipalKind.GROUP, permission.id, label=permission.email)
        case "domain":
            return RemotePrincipal(PrincipalKind.DOMAIN, permission.domain, label=permission.domain)
        case "anyone":  # listed for the whole web: for everybody here, guests too
            return EVERYONE
        case _:
            return None
