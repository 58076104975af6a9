"""The address to which sources send word of changes. It answers at once, and says nothing."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from apps.connections.errors import PushRefused
from apps.connections.models import Connection, ConnectionState
from apps.connections.protocol import Delivery
from apps.sync_events.push_in import receive
from apps.tenants.context import tenant_context
from apps.tenants.models import Tenant

# What sources send is far smaller (bytes).
MAX_BODY_BYTES = 1024 * 1024


@csrf_exempt  # a source has no session; its signature is verified
@login_not_required
@require_POST
def push(request: HttpRequest, tenant_uuid: UUID, connection_uuid: UUID) -> HttpResponse:
    """Take a delivery. Missing, disconnected and not signed look the same from outside."""
    if int(request.headers.get("content-length") or 0) > MAX_BODY_BYTES:
        return HttpResponse(status=413)
    tenant = Tenant.objects.filter(uuid=tenant_uuid, is_active=True).first()
    if tenant is None:
        return HttpResponse(status=404)
    body = request.body
    headers = {name.lower(): value for name, value in request.headers.items()}
    with tenant_context(tenant), transaction.atomic():
        source = (
            Connection.objects.select_related("tenant")
            .exclude(state=ConnectionState.DISCONNECTED)
            .filter(uuid=connection_uuid)
            .first()
        )
        if source is None:
            return HttpResponse(status=404)
        try:
            answer = receive.receive(source, Delivery(headers, body))
        except PushRefused:
            return HttpResponse(status=404)
    return HttpResponse(answer, content_type="text/plain")


def address_of(source: Connection) -> str:
    """Return where a connection takes deliveries; empty where this installation has no address.

    Args:
        source: with its tenant.
    """
    if not settings.KENWARD_PUBLIC_URL:
        return ""
    path = reverse("push", args=[source.tenant.uuid, source.uuid])
    return f"{settings.KENWARD_PUBLIC_URL}{path}"
