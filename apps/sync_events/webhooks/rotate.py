"""Changing an endpoint's secret so that its receiver can follow at leisure, or at once."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from apps import audit
from apps.errors import InvalidInput
from apps.sync_events.webhooks import sign
from apps.sync_events.webhooks.models import WebhookEndpoint

# For so long both the new secret and the one before sign each message.
OVERLAP = timedelta(hours=24)


def rotate(endpoint_id: int, *, actor_id: int) -> str:
    """Give an endpoint a new secret, and return it: it is shown once and never again.

    Raises:
        InvalidInput: the secret before is still in use; another rotation would cut off a receiver
            that has not followed.
    """
    now = timezone.now()
    with transaction.atomic():
        endpoint = WebhookEndpoint.objects.select_for_update(no_key=True).get(pk=endpoint_id)
        if endpoint.previous_until is not None and now < endpoint.previous_until:
            raise InvalidInput(
                "The secret was rotated a short while ago, and the one before still signs.",
                hint="End the previous secret first, if its receiver has followed.",
            )
        endpoint.previous_secret, endpoint.previous_until = endpoint.secret, now + OVERLAP
        endpoint.secret = sign.new_secret()
        _save(endpoint, "webhookendpoint.secret_rotated", actor_id)
    return endpoint.secret


def end_previous(endpoint_id: int, *, actor_id: int) -> bool:
    """Let the secret before sign no more, and forget it; return whether there was one."""
    with transaction.atomic():
        endpoint = WebhookEndpoint.objects.select_for_update(no_key=True).get(pk=endpoint_id)
        if endpoint.previous_until is None:
            return False
        endpoint.previous_secret, endpoint.previous_until = "", None
        _save(endpoint, "webhookendpoint.previous_secret_ended", actor_id)
    return True


def has_previous(endpoint_id: int) -> bool:
    """Return whether a secret before the newest one still signs."""
    later = WebhookEndpoint.objects.filter(previous_until__gt=timezone.now())
    return later.filter(pk=endpoint_id).exists()


def forget_lapsed() -> int:
    """Forget previous secrets whose time is over; return how many."""
    lapsed = WebhookEndpoint.objects.filter(previous_until__lte=timezone.now())
    with transaction.atomic():
        return lapsed.update(previous_secret="", previous_until=None)


def _save(endpoint: WebhookEndpoint, action: str, actor_id: int) -> None:
    endpoint.save(update_fields=["secret", "previous_secret", "previous_until"])
    audit.record(action, tenant_id=endpoint.tenant_id, actor_id=actor_id, target=endpoint)
