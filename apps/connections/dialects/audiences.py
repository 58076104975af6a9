"""The sets of people that no source lists, and that every tenant knows."""

from __future__ import annotations

from apps.connections.protocol import PrincipalKind, RemotePrincipal

# All full members of the tenant.
MEMBERS = RemotePrincipal(PrincipalKind.MEMBERS, "members", label="All members")
# Guests too.
EVERYONE = RemotePrincipal(PrincipalKind.EVERYONE, "everyone", label="Everyone")
# Whoever holds a link; the search never matches it.
LINK = RemotePrincipal(PrincipalKind.LINK, "link", label="Anyone with the link")
