"""Whose identity is whose: which person holds which principal of kind user.

An address counts by the best word there is for it: the tenant's directory (single sign-on, SCIM),
then an address that an IT admin confirmed, then one that the person has verified. In a managed
domain only the directory's word counts. Where the best word names two people, it names nobody.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db import connection, transaction

from apps import audit
from apps.accounts.models import User
from apps.acls.claim_statements import END, LOCK, OWNERS, START
from apps.acls.models import DirectoryIdentity
from apps.tenants.context import required_tenant_id


@dataclass(frozen=True, slots=True)
class Claimed:
    """How many claims began and ended."""

    started: int
    ended: int


def claim_by_verified_email() -> Claimed:
    """Give each person the identities that carry an address of theirs, and no others.

    For the whole bound tenant at once; what an IT admin matched by hand stays. Call it after
    identities were recorded, and whenever a membership, somebody's addresses or the managed
    domains change.
    """
    lock()
    params = {"tenant": required_tenant_id()}
    with connection.cursor() as cursor:
        cursor.execute(END, params)
        ended = int(cursor.fetchone()[0])
        cursor.execute(START, params)
        return Claimed(started=int(cursor.fetchone()[0]), ended=ended)


def claim_from_directory(
    *,
    user: User,
    source: DirectoryIdentity.Source,
    addresses: Collection[str],
    is_active: bool = True,
) -> Claimed:
    """Take over what the tenant's directory says of a person's addresses, and recompute.

    The latest word counts: an address that is now this person's is nobody else's any more, and
    one that is not named any more is not theirs, even if they verify it themselves.

    Args:
        user: whom single sign-on or SCIM has matched with the directory's entry.
        source: by which way it was said.
        addresses: all of the person's, in any case; none of lists or shared mailboxes.
        is_active: False when the directory does not let the person in: then none is theirs.

    Returns:
        what changed in the whole tenant.
    """
    told = {address.strip().lower() for address in addresses} - {""}
    with transaction.atomic():
        lock()
        _store(user, source, told, is_active=is_active)
        claimed = claim_by_verified_email()
        audit.record(
            "directory.told",
            tenant_id=required_tenant_id(),
            target=user,
            source=source,
            addresses=len(told),
            is_active=is_active,
            claims_started=claimed.started,
            claims_ended=claimed.ended,
        )
    return claimed


def address_owners() -> dict[str, tuple[int, str]]:
    """Return whose each address is now: address -> (member, by which word), in lower case."""
    with connection.cursor() as cursor:
        cursor.execute(OWNERS, {"tenant": required_tenant_id()})
        return {address: (int(user), source) for address, user, source in cursor.fetchall()}


def lock() -> None:
    """Let one transaction at a time decide in the bound tenant who is who.

    Without it a sync that has read an address before it was taken away would give it out after.
    """
    with connection.cursor() as cursor:
        cursor.execute(LOCK, {"tenant": required_tenant_id()})


def _store(
    user: User, source: DirectoryIdentity.Source, told: Collection[str], *, is_active: bool
) -> None:
    tenant_id = required_tenant_id()
    rows = DirectoryIdentity.objects.filter(tenant_id=tenant_id)
    if is_active:
        rows.filter(address__in=told).exclude(user=user).update(is_active=False)
        rows.filter(user=user, source=source).exclude(address__in=told).update(is_active=False)
    else:
        # Whichever way it was told before: who is out is out.
        rows.filter(user=user).update(is_active=False)
    for address in sorted(told):
        rows.update_or_create(
            tenant_id=tenant_id,
            user=user,
            address=address,
            source=source,
            defaults={"is_active": is_active},
        )
