"""Who reads an employee's own account: its owner, by a claim that goes with the connection.

Its identity has no address and lies in the connection's realm, so neither a source nor a directory
can name it, and `people_matches` gives it to nobody else.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from apps import audit
from apps.accounts.models import User
from apps.acls import claims, principals
from apps.acls.models import Claim, ClaimSource, Principal
from apps.connections import own_account
from apps.connections.models import Connection, ConnectionState
from apps.tenants.context import required_tenant_id
from apps.tenants.models import Membership

OWNER_LEFT = "Its owner is no active member any more."


def hold(connection: Connection) -> Claim:
    """Let the owner of an own account, and nobody else, read what it will list.

    Safe to run again, as when an account is connected anew.

    Args:
        connection: of the bound tenant, with an owner.
    """
    owner = connection.owner
    if owner is None:
        raise ValueError(f"Connection {connection.pk} is nobody's own.")
    named = own_account.principal_of(connection)
    with transaction.atomic():
        claims.lock()
        ids = principals.record(connection.realm, [named], observed_at=timezone.now()).ids
        made, _ = Claim.objects.get_or_create(
            tenant_id=connection.tenant_id,
            user=owner,
            principal_id=ids[principals.name_of(named)],
            ended_at=None,
            defaults={"source": ClaimSource.OWN},
        )
    return made


def is_own_account(principal: Principal) -> bool:
    """Return whether an identity is the reader of somebody's own account."""
    owned = Connection.objects.filter(tenant_id=principal.tenant_id, realm=principal.realm)
    return owned.exclude(owner=None).exists()


def stop_where_owner_left(user: User | None = None) -> int:
    """Stop the own accounts of people who are no active members; return how many were stopped.

    They are not synced from the moment the membership ends (`ConnectionQuerySet.syncing`), and
    nobody reads their documents; this says so in their state.

    Args:
        user: of whom; None: of everybody in the bound tenant.
    """
    members = Membership.objects.usable().filter(tenant_id=required_tenant_id())
    left = Connection.objects.exclude(owner=None).exclude(
        state__in=(ConnectionState.PAUSED, ConnectionState.DISCONNECTED)
    )
    left = left.filter(~Exists(members.filter(user=OuterRef("owner"))))
    if user is not None:
        left = left.filter(owner=user)
    stopped = 0
    with transaction.atomic():
        for connection in left:
            if Connection.objects.transition(
                connection.pk, ConnectionState.PAUSED, reason=OWNER_LEFT
            ):
                stopped += 1
                audit.record(
                    "connection.paused",
                    tenant_id=connection.tenant_id,
                    target=connection,
                    reason="owner_left",
                )
    return stopped
