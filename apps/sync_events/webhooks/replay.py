"""Sending again what was sent, given up or cancelled: with the same `webhook-id`."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from apps import audit
from apps.sync_events.webhooks import tasks
from apps.sync_events.webhooks.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from apps.tenants.context import required_tenant_id

# Messages that the audit trail names; it counts all of them.
_NAMED = 50


def replay(chosen: QuerySet[WebhookDelivery], *, actor_id: int) -> int:
    """Send deliveries again from the first try on, and return how many.

    What is still on its way stays as it is, and so does what is for a disabled endpoint.
    """
    with transaction.atomic():
        ended = chosen.filter(~Q(state=DeliveryState.PENDING), endpoint__is_active=True)
        rows = list(ended.order_by("pk").values_list("pk", "endpoint_id", "message__uuid"))
        again = WebhookDelivery.objects.filter(pk__in=[pk for pk, _, _ in rows])
        count = again.exclude(state=DeliveryState.PENDING).update(
            state=DeliveryState.PENDING,
            attempts=0,
            next_at=timezone.now(),
            claimed_at=None,
            delivered_at=None,
        )
        if count:
            audit.record(
                "webhookdelivery.replayed",
                tenant_id=required_tenant_id(),
                actor_id=actor_id,
                deliveries=count,
                messages=[str(message) for _, _, message in rows[:_NAMED]],
            )
        for endpoint_id in {endpoint_id for _, endpoint_id, _ in rows}:
            tasks.send_deliver(required_tenant_id(), endpoint_id)
    return count


def replay_since(endpoint: WebhookEndpoint, since: datetime, *, actor_id: int) -> int:
    """Send again what an endpoint never took of the messages written from a time on.

    Args:
        endpoint: an active one.
        since: aware.
        actor_id: the person who asked.

    Returns:
        how many dead letters and cancelled deliveries that were.
    """
    never_taken = (DeliveryState.DEAD, DeliveryState.CANCELLED)
    missed = WebhookDelivery.objects.filter(
        endpoint=endpoint, state__in=never_taken, message__created_at__gte=since
    )
    return replay(missed, actor_id=actor_id)
