"""Celery's edge of webhooks. A lost task loses nothing, the rows are the queue."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from apps.sync_events.webhooks import deliver as delivering
from apps.sync_events.webhooks import rotate
from apps.sync_events.webhooks.models import DeliveryState, WebhookMessage
from apps.tenants.context import tenant_context
from apps.tenants.models import Tenant

QUEUE = "webhooks"
# Seconds after which a task that nobody took is dropped; the next wake-up sends it again.
EXPIRES_S = 10
# How long messages can be replayed and looked at.
KEPT = timedelta(days=30)
_ROWS_AT_ONCE = 1_000


def send_deliver(tenant_id: int, endpoint_id: int) -> None:
    """Wake a worker for an endpoint, once the current transaction has committed."""
    transaction.on_commit(
        lambda: deliver.apply_async(args=(tenant_id, endpoint_id), queue=QUEUE, expires=EXPIRES_S),
        robust=True,  # without a broker the row waits for the next wake-up
    )


@shared_task(name="apps.sync_events.webhooks.tasks.deliver")
def deliver(tenant_id: int, endpoint_id: int) -> None:
    """Deliver to one endpoint for a moment, then let the others have their turn."""
    with tenant_context(tenant_id):
        if delivering.work(endpoint_id):
            send_deliver(tenant_id, endpoint_id)


@shared_task(name="apps.sync_events.webhooks.tasks.wake_webhooks")
def wake_webhooks() -> None:
    """Send a task for each endpoint at which something is due; beat calls this every 5 seconds."""
    for tenant_id in Tenant.objects.filter(is_active=True).values_list("pk", flat=True):
        with tenant_context(tenant_id):
            for endpoint_id in delivering.due_endpoints():
                send_deliver(tenant_id, endpoint_id)


@shared_task(name="apps.sync_events.webhooks.tasks.prune_webhooks")
def prune_webhooks() -> None:
    """Delete old messages with their deliveries, and secrets that sign no more."""
    for tenant_id in Tenant.objects.values_list("pk", flat=True):
        with tenant_context(tenant_id):
            rotate.forget_lapsed()
            while _prune_some():
                continue


def _prune_some() -> int:
    old = WebhookMessage.objects.filter(created_at__lt=timezone.now() - KEPT)
    with transaction.atomic():
        done = old.exclude(deliveries__state=DeliveryState.PENDING).order_by("pk")
        ids = list(done.values_list("pk", flat=True)[:_ROWS_AT_ONCE])
        WebhookMessage.objects.filter(pk__in=ids).delete()
    return len(ids)
