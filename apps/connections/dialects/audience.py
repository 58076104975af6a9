"""Sources that do not say who may read (S3, Notion, a mailbox export): a list set by the admin.

Notion's description has no endpoint that gives an ACL [D in providers.md, 4]; S3 knows no people
(13). An empty list admits nobody.
"""

from __future__ import annotations

from collections.abc import Iterable

from apps.connections.dialects.granting import place
from apps.connections.protocol import PrincipalKind, RemoteAcl, RemoteEntry, RemotePrincipal


def person(address: str) -> RemotePrincipal:
    """Return the principal of somebody whom an admin named by e-mail address."""
    email = address.strip().lower()
    return RemotePrincipal(PrincipalKind.USER, email, label=email, email=email)


def readers(
    external_id: str,
    audience: Iterable[RemotePrincipal],
    *,
    label: str = "",
    parent: str | None = None,
) -> RemoteAcl:
    """Return the place of a bucket, a prefix or a root page with the readers an admin set.

    It cuts off what is set above it: the nearest list counts, as an admin who narrows a prefix
    expects.

    Args:
        external_id: of the bucket, prefix or root page.
        audience: people, groups or all members.
        label: what people see.
        parent: the place above, for the picture of the path only.
    """
    entries = [RemoteEntry(principal) for principal in audience]
    return place(external_id, entries, label=label, parent=parent, cuts=True)
