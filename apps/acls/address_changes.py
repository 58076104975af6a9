"""Identities follow the addresses that a person verifies and removes, in the same transaction.

They also follow an operator who takes away a person's sign-in, or gives it back.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from allauth.account import signals
from allauth.account.models import EmailAddress
from django.db import transaction
from django.db.models.signals import post_save

from apps.accounts.models import User
from apps.acls import claims, own_claims
from apps.tenants.context import tenant_context, user_context
from apps.tenants.models import Membership


def follow() -> None:
    """Listen for verified, removed and exchanged addresses, and for saved people."""
    signals.email_confirmed.connect(_confirmed, dispatch_uid="acls.email_confirmed")
    signals.email_removed.connect(_changed, dispatch_uid="acls.email_removed")
    signals.email_changed.connect(_changed, dispatch_uid="acls.email_changed")
    post_save.connect(_saved, sender=User, dispatch_uid="acls.user_saved")


def claim_everywhere(user_id: int) -> None:
    """Bring the claims up to date in every tenant that the person belongs to."""
    with user_context(user_id), transaction.atomic():
        own = Membership.objects.filter(user_id=user_id)
        # Everybody takes the tenants' rows in the same order, so that nobody waits in a circle.
        for tenant_id in list(own.order_by("tenant_id").values_list("tenant_id", flat=True)):
            with tenant_context(tenant_id):
                claims.claim_by_verified_email()
                own_claims.stop_where_owner_left()


def _confirmed(*, email_address: EmailAddress, **_: Any) -> None:
    claim_everywhere(email_address.user_id)


def _changed(*, user: User, **_: Any) -> None:
    claim_everywhere(user.pk)


def _saved(
    *, instance: User, created: bool, update_fields: Collection[str] | None, **_: Any
) -> None:
    # A sign-in saves its time alone.
    if not created and (update_fields is None or "is_active" in update_fields):
        claim_everywhere(instance.pk)
