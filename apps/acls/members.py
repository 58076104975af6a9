"""Who belongs to the tenant: adding people, their roles, and ending their membership."""

from __future__ import annotations

from collections.abc import Collection

from allauth.account.models import EmailAddress
from django.db import transaction

from apps import audit
from apps.accounts.models import User
from apps.acls import claims, own_claims
from apps.errors import InvalidInput
from apps.tenants.context import required_tenant_id
from apps.tenants.models import Membership, Role


def add(
    *,
    email: str,
    name: str = "",
    role: Role,
    is_guest: bool = False,
    department: str = "",
    actor: User,
) -> Membership:
    """Make a person a member of the bound tenant, and create them if nobody has this address yet.

    A new person has no password and no verified address: they ask for a password on the sign-in
    page, and until the address is verified they hold no identity of any source.

    Args:
        email: of an existing or a new person, in any case.
        name: kept for a new person only; an existing one has given their own.
        role: what they do in the tenant.
        is_guest: not among “all members”.
        department: a hint for the search; it grants nothing.
        actor: the IT admin.

    Raises:
        InvalidInput: the person is a member already.
    """
    address = email.strip().lower()
    tenant_id = required_tenant_id()
    told = {"role": role, "is_guest": is_guest, "department": department}
    with transaction.atomic():
        user = User.objects.filter(email=address).first() or _create(address, name)
        membership, is_new = Membership.objects.get_or_create(
            tenant_id=tenant_id, user=user, defaults=told
        )
        if not is_new:
            raise InvalidInput(
                f"{address} is a member already.", hint="Change the role on the member's page."
            )
        claims.claim_by_verified_email()
        audit.record(
            "membership.added",
            tenant_id=tenant_id,
            actor_id=actor.pk,
            target=membership,
            user_id=user.pk,
            role=role,
        )
    return membership


def change(*, membership: Membership, fields: Collection[str], actor: User) -> None:
    """Save a changed membership; who has left holds no identity from this commit on.

    Args:
        membership: with the new values.
        fields: the names of those that changed: role, is_active, is_guest, department.
        actor: the IT admin.

    Raises:
        InvalidInput: the actor would lose the way back in.
    """
    if membership.user_id == actor.pk and {"role", "is_active"} & set(fields):
        raise InvalidInput(
            "You cannot change your own role or end your own membership.",
            hint="Ask another IT admin.",
        )
    with transaction.atomic():
        membership.save(update_fields=list(fields))
        claims.claim_by_verified_email()
        own_claims.stop_where_owner_left(membership.user)
        audit.record(
            "membership.changed",
            tenant_id=membership.tenant_id,
            actor_id=actor.pk,
            target=membership,
            fields=sorted(fields),
            role=membership.role,
            is_active=membership.is_active,
        )


def _create(email: str, name: str) -> User:
    user = User.objects.create_user(email, name=name)
    EmailAddress.objects.create(user=user, email=email, primary=True, verified=False)
    return user
