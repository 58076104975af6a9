"""Whether a session has passed a second factor, and the trail of factors set up and removed."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from allauth.account.authentication import (
    AUTHENTICATION_METHODS_SESSION_KEY,
    get_authentication_records,
)
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.http import HttpRequest

from apps import audit
from apps.accounts.models import User
from apps.errors import InvalidInput
from apps.tenants.context import tenant_context, user_context
from apps.tenants.models import Membership

# A recovery code stands in for one of these and is worth nothing without.
_FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def has_passed(request: HttpRequest) -> bool:
    """Return whether the person has passed, in this session, a second factor that they still have.

    Removing the factor takes it from every session at once, and one that was set up afterwards
    says nothing of a session that never saw it.

    Args:
        request: with its session and its user; of a socket, one that carries only these.
    """
    user: Any = request.user
    if not user.is_authenticated:
        return False
    records = get_authentication_records(request, user)
    passed = [record["at"] for record in records if record.get("method") == "mfa"]
    if not passed:
        return False
    last = datetime.fromtimestamp(max(passed), UTC)
    own = Authenticator.objects.filter(user_id=user.pk, type__in=_FACTORS)
    return bool(own.filter(created_at__lte=last).exists())


def has_one(user: Any) -> bool:
    """Return whether the person has set up a second factor."""
    return bool(Authenticator.objects.filter(user_id=user.pk, type__in=_FACTORS).exists())


def added(*, request: HttpRequest, user: Any, authenticator: Authenticator, **_: Any) -> None:
    """Count the setting up as passing: a code of the new factor was just given."""
    if authenticator.type in _FACTORS:
        record = {"method": "mfa", "at": time.time(), "id": authenticator.pk}
        records = [*get_authentication_records(request, user), record]
        request.session[AUTHENTICATION_METHODS_SESSION_KEY] = records
    _record("account.second_factor_added", user, authenticator)


def removed(*, user: Any, authenticator: Authenticator, **_: Any) -> None:
    """Tell the trail that a factor is gone."""
    _record("account.second_factor_removed", user, authenticator)


def renewed(*, user: Any, authenticator: Authenticator, **_: Any) -> None:
    """Tell the trail that there are new recovery codes."""
    _record("account.recovery_codes_renewed", user, authenticator)


def take_away(*, user: User, actor: User, tenant_id: int) -> None:
    """Remove the second factor of somebody who has lost it; in every session from this commit on.

    Args:
        user: a member of the bound tenant.
        actor: the IT admin, or an operator.
        tenant_id: in whose name it is done.

    Raises:
        InvalidInput: it is the actor's own, there is none, the person is an operator, or belongs
            or has belonged to further organisations, whose protection it is as well.
    """
    _require_possible(user, actor)
    with user_context(user.pk), transaction.atomic():
        # An ended membership, or one of a closed tenant, can be opened again with one click.
        others = Membership.objects.filter(user_id=user.pk).exclude(tenant_id=tenant_id)
        if others.exists() and not actor.is_superuser:
            raise InvalidInput(
                f"{user.email} belongs to other organisations too.",
                hint="Only an operator of this installation can take the second factor away.",
            )
        Authenticator.objects.filter(user_id=user.pk).delete()
        with tenant_context(tenant_id):
            audit.record(
                "account.second_factor_taken_away",
                tenant_id=tenant_id,
                actor_id=actor.pk,
                target=user,
            )


def _require_possible(user: User, actor: User) -> None:
    if user.pk == actor.pk:
        raise InvalidInput(
            "You cannot take away your own second factor here.",
            hint="Remove it on your account's page, or ask another IT admin.",
        )
    if user.is_superuser and not actor.is_superuser:
        # Anybody can be added as a member without being asked, and an operator enters every tenant.
        raise InvalidInput(
            f"{user.email} is an operator of this installation.",
            hint="Only another operator can take the second factor away.",
        )
    if not has_one(user):
        raise InvalidInput(f"{user.email} has no second factor.")


def _record(action: str, user: Any, authenticator: Authenticator) -> None:
    """Append to the trail of every organisation that the person is in."""
    with user_context(user.pk), transaction.atomic():
        own = Membership.objects.usable().filter(user_id=user.pk)
        for tenant_id in list(own.values_list("tenant_id", flat=True)):
            with tenant_context(tenant_id):
                kind = str(authenticator.type)
                audit.record(action, tenant_id=tenant_id, actor_id=user.pk, target=user, kind=kind)
