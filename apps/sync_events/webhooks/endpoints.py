"""Switching endpoints off and on."""

from __future__ import annotations

from django.db import transaction

from apps import audit
from apps.sync_events.webhooks.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from apps.tenants.context import required_tenant_id


def disable(endpoint_id: int, *, reason: str, actor_id: int | None = None) -> bool:
    """Send nothing more to an endpoint; what waits for it is cancelled, and can be replayed.

    Args:
        endpoint_id: which.
        reason: for the IT admin.
        actor_id: the person; None where Kenward itself found the receiver gone.

    Returns:
        whether it was active.
    """
    with transaction.atomic():
        active = WebhookEndpoint.objects.filter(pk=endpoint_id, is_active=True)
        if not active.update(is_active=False, disabled_reason=reason):
            return False
        waiting = WebhookDelivery.objects.filter(
            endpoint_id=endpoint_id, state=DeliveryState.PENDING
        )
        cancelled = waiting.update(state=DeliveryState.CANCELLED, next_at=None, claimed_at=None)
        _record(
            "webhookendpoint.disabled", endpoint_id, actor_id, reason=reason, cancelled=cancelled
        )
    return True


def enable(endpoint_id: int, *, actor_id: int) -> bool:
    """Send to an endpoint again what happens from now on; return whether it was disabled."""
    with transaction.atomic():
        disabled = WebhookEndpoint.objects.filter(pk=endpoint_id, is_active=False)
        if not disabled.update(is_active=True, disabled_reason=""):
            return False
        _record("webhookendpoint.enabled", endpoint_id, actor_id)
    return True


def _record(action: str, endpoint_id: int, actor_id: int | None, **details: object) -> None:
    found = WebhookEndpoint.objects.only("uuid", "tenant_id").get(pk=endpoint_id)
    audit.record(action, tenant_id=required_tenant_id(), actor_id=actor_id, target=found, **details)
