"""Webhook deliveries as workers make them, and how tests let time pass for them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.db import transaction

from apps.connections.models import Connection
from apps.sync_events.webhooks import deliver, outbox
from apps.sync_events.webhooks.events import EventName
from apps.sync_events.webhooks.models import WebhookDelivery, WebhookEndpoint
from apps.tenants.context import tenant_context
from apps.tenants.models import Tenant

CREATED = EventName.DOCUMENT_CREATED
DATA = {"document": "d", "external_id": "naïve/plän.md"}


def source_of(tenant: Tenant, kind: str = "file_share") -> Connection:
    with tenant_context(tenant), transaction.atomic():
        return Connection.with_canaries.create(tenant=tenant, kind=kind, name=kind, realm=kind)


def emit(tenant: Tenant, event: EventName = CREATED, count: int = 1) -> None:
    source = source_of(tenant, uuid4().hex)
    with tenant_context(tenant), transaction.atomic():
        outbox.emit_all(event, [DATA] * count, connection=source)


def work(tenant: Tenant) -> None:
    """Deliver all that is due, as the workers would."""
    with tenant_context(tenant):
        for _ in range(100):
            due = deliver.due_endpoints()
            if not due:
                return
            for endpoint_id in due:
                deliver.work(endpoint_id)
    raise AssertionError("the deliveries never end")


def change(tenant: Tenant, **values: Any) -> None:
    """Change all deliveries: how tests let time pass."""
    with tenant_context(tenant), transaction.atomic():
        WebhookDelivery.objects.update(**values)


def stored(tenant: Tenant, endpoint: WebhookEndpoint) -> WebhookEndpoint:
    """Return an endpoint as it is now."""
    with tenant_context(tenant), transaction.atomic():
        return WebhookEndpoint.objects.get(pk=endpoint.pk)
