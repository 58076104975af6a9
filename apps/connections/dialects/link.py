"""Links ("anyone with the link"): what a link grants to people who were never named.

A link is no list of readers: whoever holds it reads, and nobody else finds the document. So it
becomes the principal `link`, which the search never matches. A connection may opt in to list such
documents; then they are listed for everyone except guests, never for guests, who are on no
directory that the link's owner had in mind.
"""

from __future__ import annotations

from datetime import datetime

from apps.connections.dialects.audiences import LINK, MEMBERS
from apps.connections.protocol import Level, RemoteEntry


def entry(
    *, lists: bool = False, level: Level = Level.READ, expires_at: datetime | None = None
) -> RemoteEntry:
    """Return the entry of a link.

    Args:
        lists: whether the connection opted in to list what has a link.
        level: what the link lets people do.
        expires_at: when it ends.
    """
    return RemoteEntry(MEMBERS if lists else LINK, level=level, expires_at=expires_at)
