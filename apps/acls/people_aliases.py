"""Addresses that an IT admin confirms for a member who has not verified them."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from django.db import transaction
from django.utils import timezone

from apps import audit
from apps.accounts.models import User
from apps.acls import claims
from apps.acls.errors import AlreadyHeld
from apps.acls.models import ConfirmedAlias
from apps.acls.people_domains import is_managed
from apps.errors import InvalidInput
from apps.tenants.context import required_tenant_id
from apps.tenants.models import Membership


def confirm(*, user: User, address: str, actor: User) -> ConfirmedAlias:
    """Let an address be a member's, as if they had verified it, and before anybody who does later.

    Args:
        user: a member of the bound tenant.
        address: of a person, outside managed domains; in any case.
        actor: the IT admin.

    Raises:
        AlreadyHeld: the address is confirmed for somebody else, or somebody else has verified it.
        InvalidInput: the directory decides about it, or the person is no member here, or is the
            actor.
    """
    wanted, tenant_id = address.strip().lower(), required_tenant_id()
    if not Membership.objects.usable().filter(tenant_id=tenant_id, user=user).exists():
        raise InvalidInput("This person is no active member here.", hint="Add them first.")
    check(address=wanted, user=user, actor=actor)
    with transaction.atomic():
        claims.lock()
        check(address=wanted, user=user, actor=actor)
        found = _live(wanted)
        if found is not None:
            return found
        made = ConfirmedAlias.objects.create(
            tenant_id=tenant_id, user=user, address=wanted, confirmed_by=actor
        )
        _recompute("alias.confirmed", made, actor)
    return made


def check(*, address: str, user: User | None, actor: User) -> None:
    """Refuse an address that cannot be confirmed for this person, and tell the trail of a try.

    Args:
        address: in lower case.
        user: None while nobody is known for whom.
        actor: the IT admin.

    Raises:
        AlreadyHeld: it is confirmed for somebody else, or somebody else has verified it.
        InvalidInput: the directory decides about it, or the person is the actor.
    """
    if is_managed(address):
        raise InvalidInput(
            "In a managed domain an address counts only from your directory.",
            hint="Give it to the person there, or match the identity under People.",
        )
    if user is None:
        return
    found = _live(address)
    if found is not None and found.user_id != user.pk:
        raise AlreadyHeld(
            f"This address is confirmed for {found.user.email}.", hint="End that first."
        )
    if user.pk == actor.pk:
        _record_refusal(user, actor)
        raise InvalidInput(
            "You cannot confirm an address of your own.",
            hint="Verify it on your account's page, or ask another IT admin.",
        )
    # Whoever signs in with an address would lose to the alias what it opens.
    verified = EmailAddress.objects.filter(email__iexact=address, verified=True)
    if verified.exclude(user=user).exists():
        _record_refusal(user, actor)
        raise AlreadyHeld(
            "Somebody else has verified this address.",
            hint="It is theirs until they remove it from their account.",
        )


def end(*, alias: ConfirmedAlias, actor: User) -> None:
    """Take the address from the member; the identities it opened are closed at once."""
    with transaction.atomic():
        claims.lock()
        live = ConfirmedAlias.objects.filter(pk=alias.pk, ended_at=None)
        if live.update(ended_at=timezone.now()):
            _recompute("alias.ended", alias, actor)


def _record_refusal(user: User, actor: User) -> None:
    audit.record(
        "alias.refused",
        tenant_id=required_tenant_id(),
        actor_id=actor.pk,
        target=user,
        user_id=user.pk,
    )


def _live(address: str) -> ConfirmedAlias | None:
    live = ConfirmedAlias.objects.filter(
        tenant_id=required_tenant_id(), address=address, ended_at=None
    )
    return live.select_related("user").first()


def _recompute(action: str, alias: ConfirmedAlias, actor: User) -> None:
    claimed = claims.claim_by_verified_email()
    audit.record(
        action,
        tenant_id=alias.tenant_id,
        actor_id=actor.pk,
        target=alias,
        user_id=alias.user_id,
        claims_started=claimed.started,
        claims_ended=claimed.ended,
    )
