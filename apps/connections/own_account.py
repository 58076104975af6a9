"""An employee's own account: whatever it lists is for its owner alone.

The source's own word about readers does not count there. It would let in whoever shares a folder
with the owner, through an account that only the owner has agreed to.
"""

from __future__ import annotations

from dataclasses import replace

from apps.connections.models import Connection
from apps.connections.protocol import (
    Mode,
    Page,
    PrincipalKind,
    RemoteAcl,
    RemoteEntry,
    RemotePolicy,
    RemotePrincipal,
)

# Where everything belongs that the source lets nobody read, as far as it told.
PLACE = "own-account"
_POLICY: RemotePolicy = ((PLACE,),)
# In the place of what the source calls its places: names of folders are the owner's, too.
_LABEL = "Own account"


def principal_of(connection: Connection) -> RemotePrincipal:
    """Return the one reader of an own account, in the realm of its connection.

    No source can name them there: of what it says about people nothing is stored.
    """
    external_id = f"kenward:{connection.owner_id}"
    return RemotePrincipal(PrincipalKind.USER, external_id, label="The account's owner")


def narrowed(page: Page, connection: Connection) -> Page:
    """Return a page as it may be stored: of an own account, with its owner as the only reader.

    The source's places stay, without their names and with other readers, so that what goes with a
    place is hidden with it.

    Args:
        page: what the connector told.
        connection: whose page it is; that of a tenant's account stays as it is.
    """
    if connection.owner_id is None:
        return page
    owner = RemoteEntry(principal_of(connection))
    return replace(
        page,
        items=tuple(replace(item, policy=_told(item.policy)) for item in page.items),
        item_policies=tuple((name, _told(policy)) for name, policy in page.item_policies),
        groups=(),
        deleted_groups=(),
        acls=(
            RemoteAcl(PLACE, _LABEL, entries=(owner,)),
            *(
                replace(acl, label=_LABEL, mode=Mode.ADD, entries=(owner,))
                for acl in page.acls
                if acl.external_id != PLACE
            ),
        ),
    )


def _told(policy: RemotePolicy) -> RemotePolicy:
    """Return a policy that its owner fulfils: one of the source's places in each clause."""
    return policy if policy and all(policy) else _POLICY
