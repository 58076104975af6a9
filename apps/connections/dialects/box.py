"""Box: collaborations of a file and of every folder above it ("waterfall"), without denials [M].

From the service's description (collaborations; providers.md, 8) [D]: roles editor, viewer,
previewer, uploader, previewer uploader, viewer uploader, co-owner, owner; status accepted, pending,
rejected; `expires_at`; shared link access open, company, collaborators. `uploader` cannot read.
That a previewer may be shown the text, as in Box's preview, is a choice of ours [M]. The owner has
access without a collaboration.
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
    "co-owner": Level.WRITE,
    "editor": Level.WRITE,
    "viewer uploader": Level.COMMENT,
    "viewer": Level.COMMENT,
    "previewer uploader": Level.COMMENT,
    "previewer": Level.COMMENT,
}
_OPEN_LINKS = frozenset({"open", "company"})


@dataclass(frozen=True, slots=True)
class Collaboration:
    """One collaboration, in the API's words."""

    accessible_by: RemotePrincipal
    role: str
    status: str = "accepted"
    expires_at: datetime | None = None


def readers(
    item_id: str,
    collaborations: Iterable[Collaboration],
    *,
    owner: RemotePrincipal | None = None,
    parent: str | None = None,
    shared_link: str = "",
    lists_links: bool = False,
) -> RemoteAcl:
    """Return the place of a file or folder.

    Args:
        item_id: as the API names it, with its type.
        collaborations: its own ones.
        owner: who owns it.
        parent: the folder above.
        shared_link: its `effective_access`; "" without a link, or with a password.
        lists_links: whether the connection opted in to list what has an open link.
    """
    entries = [
        RemoteEntry(c.accessible_by, level=_LEVELS[c.role], expires_at=c.expires_at)
        for c in collaborations
        if c.status == "accepted" and c.role in _LEVELS
    ]
    if owner is not None:
        entries.append(RemoteEntry(owner, level=Level.WRITE))
    if shared_link in _OPEN_LINKS:
        entries.append(link.entry(lists=lists_links))
    return place(item_id, entries, parent=parent)
