"""SharePoint and OneDrive: unique permissions ("breaks"), site groups, claims, sharing links.

An object inherits everything from its parent, or nothing ("break of role inheritance"); site
collection admins pass every break [M]. What a role definition holds decides: "Limited Access" lets
people through to something below and reads nothing [M]. From providers.md, 2: claims of login names
([I], last seen 2026-09; Everyone [M]): `c:0-.f|rolemanager|spo-grid-all-users/{tenant}` everybody
but guests, `c:0(.s|true` everybody, `c:0t.c|tenant|{id}` and
`c:0o.c|federateddirectoryclaimprovider|{id}` an Entra group, the latter with the suffix `_o` **only
its owners**. An unknown claim is nobody. Link scopes: anonymous, organization, users,
existingAccess [D].
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from apps.connections.dialects import link
from apps.connections.dialects.audiences import EVERYONE, MEMBERS
from apps.connections.dialects.granting import place
from apps.connections.protocol import (
    Level,
    PrincipalKind,
    RemoteAcl,
    RemoteEntry,
    RemotePrincipal,
)

_GUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_ENTRA_GROUP = re.compile(
    rf"c:0(?:t\.c\|tenant|o\.c\|federateddirectoryclaimprovider)\|({_GUID})", re.ASCII
)
_ENTRA_OWNERS = re.compile(rf"c:0o\.c\|federateddirectoryclaimprovider\|({_GUID})_o", re.ASCII)
_NOT_GUESTS = re.compile(rf"c:0-\.f\|rolemanager\|spo-grid-all-users/{_GUID}", re.ASCII)
_PERSON = re.compile(r"i:0#\.f\|membership\|([^|\s]+@[^|\s]+)", re.ASCII)
_EVERYONE = "c:0(.s|true"

# Base permissions of a role definition (SPBasePermissions) [M].
VIEW_LIST_ITEMS = 0x1
ADD_LIST_ITEMS = 0x2
EDIT_LIST_ITEMS = 0x4
OPEN_ITEMS = 0x20


@dataclass(frozen=True, slots=True)
class RoleAssignment:
    """Who is assigned a role definition on an object.

    Attributes:
        member: login name, with its claim; or a site group's principal.
        base_permissions: the low bits of the role definition's permissions.
    """

    member: str | RemotePrincipal
    base_permissions: int


@dataclass(frozen=True, slots=True)
class SharingLink:
    """A sharing link, in the words of Microsoft Graph."""

    scope: str
    type: str = "view"
    granted_to: tuple[RemotePrincipal, ...] = ()
    expires_at: datetime | None = None
    has_password: bool = False


def principal_of(login_name: str) -> RemotePrincipal | None:
    """Return whom a login name stands for; None for a claim that is not known."""
    if login_name == _EVERYONE:
        return EVERYONE
    if _NOT_GUESTS.fullmatch(login_name):
        return MEMBERS
    if found := _ENTRA_OWNERS.fullmatch(login_name):
        return owners_of(found[1])
    if found := _ENTRA_GROUP.fullmatch(login_name):
        return RemotePrincipal(PrincipalKind.GROUP, f"entra:{found[1].lower()}")
    if found := _PERSON.fullmatch(login_name):
        address = found[1].lower()
        return RemotePrincipal(PrincipalKind.USER, address, label=address, email=address)
    return None


def owners_of(group_id: str) -> RemotePrincipal:
    """Return the group of the owners of an Entra group, whose list is another than its members'."""
    return RemotePrincipal(PrincipalKind.GROUP, f"entra-owners:{group_id.lower()}")


def site_group(site: str, group_id: int, title: str = "") -> RemotePrincipal:
    """Return the principal of a site group, which is known within its site only."""
    return RemotePrincipal(PrincipalKind.GROUP, f"site:{site}:{group_id}", label=title)


def readers(
    object_id: str,
    assignments: Iterable[RoleAssignment] = (),
    *,
    site_admins: Iterable[RemotePrincipal] = (),
    parent: str | None = None,
    has_unique_role_assignments: bool = False,
    links: Iterable[RemoteEntry] = (),
) -> RemoteAcl:
    """Return the place of a site, list, folder or file.

    Args:
        object_id: as the API names it.
        assignments: its own role assignments; without a break it has none.
        site_admins: of a site: they pass every break below it.
        parent: the object above it.
        has_unique_role_assignments: whether it breaks with what its parent grants.
        links: see `entries_of`.
    """
    entries = [entry for one in assignments if (entry := _entry(one)) is not None]
    entries += links
    entries += [RemoteEntry(p, is_sticky=True, level=Level.WRITE) for p in site_admins]
    return place(object_id, entries, parent=parent, cuts=has_unique_role_assignments)


def _entry(assignment: RoleAssignment) -> RemoteEntry | None:
    # Limited Access opens the way to something below, and opens no item.
    needed = VIEW_LIST_ITEMS | OPEN_ITEMS
    if assignment.base_permissions & needed != needed:
        return None
    member = assignment.member
    principal = principal_of(member) if isinstance(member, str) else member
    if principal is None:
        return None
    writes = assignment.base_permissions & (ADD_LIST_ITEMS | EDIT_LIST_ITEMS)
    return RemoteEntry(principal, level=Level.WRITE if writes else Level.READ)


def entries_of(told: SharingLink, *, lists_links: bool = False) -> list[RemoteEntry]:
    """Return the entries of a sharing link.

    Args:
        told: of the object itself.
        lists_links: whether the connection opted in to list what an open link reaches.
    """
    level = Level.WRITE if told.type == "edit" else Level.READ
    if told.scope == "users":
        return [RemoteEntry(p, level=level, expires_at=told.expires_at) for p in told.granted_to]
    if told.scope in {"anonymous", "organization"} and not told.has_password:
        return [link.entry(lists=lists_links, level=level, expires_at=told.expires_at)]
    return []  # existingAccess gives nothing of its own; a scope that is new gives nothing known
