"""Dropbox Business: members of shared folders and files.

From the service's description (sharing.AccessLevel, FolderPolicy, access_inheritance; providers.md,
9) [D]: owner, editor, viewer, viewer_no_comment, traverse, no_access; a folder inherits or does not
(`no_inherit`). `traverse` passes through without reading and `no_access` is no access: neither is
an entry, and neither takes away what another folder grants [M]. Audiences of links: public, team,
members, password, no_one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from apps.connections.dialects import link
from apps.connections.dialects.granting import place
from apps.connections.protocol import Level, RemoteAcl, RemoteEntry, RemotePrincipal

_LEVELS = {
    "owner": Level.WRITE,
    "editor": Level.WRITE,
    "viewer": Level.COMMENT,
    "viewer_no_comment": Level.READ,
}


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a shared folder or file, in the API's words."""

    principal: RemotePrincipal
    access_type: str
    is_inherited: bool = False
    expires_at: datetime | None = None


def readers(
    item_id: str,
    members: Iterable[Member],
    *,
    parent: str | None = None,
    no_inherit: bool = False,
    link_audience: str = "",
    lists_links: bool = False,
) -> RemoteAcl:
    """Return the place of a shared folder or file.

    Args:
        item_id: shared folder id or file id.
        members: as listed; inherited ones belong to the place above and are left out.
        parent: the folder above.
        no_inherit: whether the folder cuts off its parents' members.
        link_audience: of the shared link; "" without one.
        lists_links: whether the connection opted in to list what has an open link.
    """
    own = [member for member in members if not member.is_inherited]
    entries = [
        RemoteEntry(m.principal, level=_LEVELS[m.access_type], expires_at=m.expires_at)
        for m in own
        if m.access_type in _LEVELS
    ]
    if link_audience in {"public", "team"}:
        entries.append(link.entry(lists=lists_links))
    return place(item_id, entries, parent=parent, cuts=no_inherit)
