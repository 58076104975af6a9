"""Writes down what is to be told, in the transaction in which it happens.

A message that was written is sent sooner or later, and one whose transaction is rolled back never.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps import audit
from apps.connections.models import CANARY_KIND, Connection
from apps.sync_events.webhooks import events, tasks
from apps.sync_events.webhooks.events import EventName
from apps.sync_events.webhooks.models import WebhookDelivery, WebhookEndpoint, WebhookMessage

_ROWS_AT_ONCE = 1_000


def endpoints_for(names: Iterable[EventName], *, connection: Connection) -> set[int]:
    """Return the ids of the endpoints that want one of these events; canaries have none."""
    if connection.kind == CANARY_KIND:
        return set()
    wanting = WebhookEndpoint.objects.filter(is_active=True, events__overlap=list(names))
    return set(wanting.values_list("pk", flat=True))


def emit(event: EventName, data: Mapping[str, Any], *, connection: Connection) -> int:
    """Tell the endpoints that want it of one event; see `emit_all`."""
    return emit_all(event, [data], connection=connection)


def emit_all(event: EventName, told: Sequence[Mapping[str, Any]], *, connection: Connection) -> int:
    """Tell the endpoints that want it of several events of one kind.

    Args:
        event: what happened.
        told: the `data` of each, as `events` makes it.
        connection: whose it is; nothing is ever told of the canaries'.

    Returns:
        how many deliveries were written; 0 where nobody wants to know.
    """
    endpoints = endpoints_for([event], connection=connection) if told else set()
    return _write(connection.tenant_id, event, told, endpoints) if endpoints else 0


def send_test(endpoint: WebhookEndpoint, *, actor_id: int) -> None:
    """Send a test message to one active endpoint, whatever it is subscribed to."""
    with transaction.atomic():
        data = {"endpoint": str(endpoint.uuid)}
        _write(endpoint.tenant_id, EventName.TEST, [data], {endpoint.pk})
        audit.record(
            "webhookendpoint.tested",
            tenant_id=endpoint.tenant_id,
            actor_id=actor_id,
            target=endpoint,
        )


def _write(
    tenant_id: int, event: EventName, told: Sequence[Mapping[str, Any]], endpoints: set[int]
) -> int:
    now = timezone.now()
    with transaction.atomic():
        messages = WebhookMessage.objects.bulk_create(
            [
                WebhookMessage(
                    tenant_id=tenant_id, event=event, payload=events.payload(event, data, at=now)
                )
                for data in told
            ],
            batch_size=_ROWS_AT_ONCE,
        )
        deliveries = WebhookDelivery.objects.bulk_create(
            [
                WebhookDelivery(
                    tenant_id=tenant_id, message=message, endpoint_id=endpoint_id, next_at=now
                )
                for message in messages
                for endpoint_id in sorted(endpoints)
            ],
            batch_size=_ROWS_AT_ONCE,
        )
        for endpoint_id in endpoints:
            tasks.send_deliver(tenant_id, endpoint_id)
    return len(deliveries)
