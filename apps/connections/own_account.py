"""An employee's own account: whatever it lists is for its owner alone.

The source's own word about readers does not count there. It would let in whoever shares a folder
with the owner, through an account that only the owner has agreed to.
"""

from __future__ import annotations

from dataclasses import replace

from apps.connections.models import Connection
from apps.connections.protocol import Page, PrincipalKind, RemoteAcl, RemoteEntry, RemotePrincipal

# The one place of such a connection, in its own realm.
PLACE = "own-account"
_POLICY = ((PLACE,),)


def principal_of(connection: Connection) -> RemotePrincipal:
    """Return the one reader of an own account, in the realm of its connection.

    No source can name them there: of what it says about people nothing is stored.
    """
    external_id = f"kenward:{connection.owner_id}"
    return RemotePrincipal(PrincipalKind.USER, external_id, label="The account's owner")


def narrowed(page: Page, connection: Connection) -> Page:
    """Return a page as it may be stored: of an own account, with its owner as the only reader.

    Args:
        page: what the connector told.
        connection: whose page it is; that of a tenant's account stays as it is.
    """
    if connection.owner_id is None:
        return page
    owner = RemoteEntry(principal_of(connection))
    return replace(
        page,
        items=tuple(replace(item, policy=_POLICY) for item in page.items),
        item_policies=tuple((name, _POLICY) for name, _ in page.item_policies),
        groups=(),
        deleted_groups=(),
        acls=(RemoteAcl(PLACE, "Own account", entries=(owner,)),),
    )
