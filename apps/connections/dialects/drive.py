"""Google Drive: allowances along the chain of folders, and limited access.

From the service's own description (permissions.list, files; providers.md, 1) [D]: type user, group,
domain, anyone; role owner, organizer, fileOrganizer, writer, commenter, reader; `view` "metadata"
lists an item without opening it, "published" shows its published copy only; `expirationTime`,
`deleted`, `pendingOwner` (no right yet); `allowFileDiscovery` false on domain and anyone: only with
the link; `inheritedPermissionsDisabled`: "only organizers, owners, and users with permissions added
directly on the item can access it". Organizers are a shared drive's managers, who pass the cut. An
owner is the item's own and always stands on it, so the owner of a folder above does not pass.

Permissions that `permissionDetails` calls inherited belong to the place above, and are left out
here; where the place above is not synced, hand them in as the item's own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
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
_STICKY = frozenset({"organizer"})


@dataclass(frozen=True, slots=True)
class Permission:
    """One permission of a file, folder or shared drive, in the API's words.

    Attributes:
        id: of the grantee, the same on all items.
        label: what people call the grantee.
    """

    id: str
    type: str
    role: str
    email: str = ""
    label: str = ""
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
    listed_links: Collection[str] = (),
    label: str = "",
) -> RemoteAcl:
    """Return the place of a file, folder or shared drive.

    Args:
        file_id: as the API names it.
        permissions: its own ones.
        parent: the folder or drive above it.
        inherited_permissions_disabled: limited access.
        listed_links: whose links the connection opted in to list: those of "anyone" for all
            members, those of a "domain" for that domain.
        label: what people see.
    """
    entries = [entry for permission in permissions if (entry := _entry(permission, listed_links))]
    return place(file_id, entries, label=label, parent=parent, cuts=inherited_permissions_disabled)


def _entry(permission: Permission, listed_links: Collection[str]) -> RemoteEntry | None:
    level = _LEVELS.get(permission.role)
    # Any view, also one that is new, is something less than the document.
    if level is None or permission.view or permission.is_deleted or permission.is_inherited:
        return None
    lists = permission.type in listed_links
    if _is_link(permission) and not (permission.type == "domain" and lists):
        return link.entry(lists=lists, level=level, expires_at=permission.expires_at)
    principal = _principal(permission)
    if principal is None:
        return None
    return RemoteEntry(
        principal,
        is_sticky=permission.role in _STICKY,
        expires_at=permission.expires_at,
        level=level,
    )


def _is_link(permission: Permission) -> bool:
    return permission.type in {"anyone", "domain"} and not permission.allow_file_discovery


def _principal(permission: Permission) -> RemotePrincipal | None:
    match permission.type:
        case "user":
            return RemotePrincipal(
                PrincipalKind.USER, permission.id, permission.label, permission.email
            )
        case "group":
            label = permission.email or permission.label
            return RemotePrincipal(PrincipalKind.GROUP, permission.id, label)
        case "domain":
            return RemotePrincipal(PrincipalKind.DOMAIN, permission.domain, label=permission.domain)
        case "anyone":  # listed for the whole web: for everybody here, guests too
            return EVERYONE
        case _:
            return None
