"""Confluence: site access ∧ the space's readers ∧ every restricted page on the way.

providers.md, 5: the API returns only restrictions that are set on the item itself ([I], three
trackers), so each restricted ancestor is a clause of its own; ancestors may be folders, whiteboards
and databases too. Space permissions name users, groups, or roles [D]. A restriction for viewing
names users and groups; one for editing does not restrict reading [M]. Blog posts have no parents;
comments and attachments follow their page.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from apps.connections.dialects.granting import place
from apps.connections.protocol import RemoteAcl, RemoteEntry, RemotePolicy, RemotePrincipal

_SITE = "site"


def site(readers: Iterable[RemotePrincipal]) -> RemoteAcl:
    """Return the place of everybody who has access to the site at all."""
    return place(_SITE, map(RemoteEntry, readers), label="Site access")


def space(key: str, readers: Iterable[RemotePrincipal], *, title: str = "") -> RemoteAcl:
    """Return the place of whoever has the space permission `read`."""
    return place(f"space:{key}", map(RemoteEntry, readers), label=title or key)


def restriction(content_id: str, readers: Iterable[RemotePrincipal]) -> RemoteAcl:
    """Return the place of a page's restriction for viewing: its users and its groups."""
    return place(f"restriction:{content_id}", map(RemoteEntry, readers), label=content_id)


def policy(space_key: str, restricted: Sequence[str] = ()) -> RemotePolicy:
    """Return the policy of a page.

    Args:
        space_key: its space.
        restricted: ids of the page itself and of its ancestors, of those that have a restriction
            for viewing.
    """
    restrictions = ((f"restriction:{content_id}",) for content_id in dict.fromkeys(restricted))
    return ((_SITE,), (f"space:{space_key}",), *restrictions)
