"""Raises the alarm when a canary was stopped on its way out: log, audit trail, metric, overview."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import DatabaseError, transaction
from django.utils import timezone
from prometheus_client import Counter

from apps import audit
from apps.audit.models import Event
from apps.documents.canaries import Marker
from apps.tenants.context import tenant_context
from apps.tenants.models import Membership, Tenant

logger = logging.getLogger(__name__)

ACTION = "canary.leaked"
# For how long the first page of the admin warns.
SHOWN_FOR = timedelta(days=7)
_ALARMS = Counter(
    "kenward_canary_alarms_total",
    "Canary documents that were stopped on their way out: each is a leak.",
    ["tenant"],
)


def raise_alarm(marker: Marker, *, way_out: str, user_id: int | None) -> None:
    """Tell that a canary was about to pass. Call it outside of any transaction that is undone.

    The answer is stopped whether or not this can be recorded.

    Args:
        marker: which canary.
        way_out: where it was stopped: a route's name, never an address with what was asked.
        user_id: who would have got it.
    """
    logger.critical(
        "a canary was stopped on its way out: tenant %d, canary %d, way out %s, user %s."
        " Some statement has forgotten who asks: take that page out of service and mend it.",
        marker.tenant_id, marker.number, way_out, user_id,
    )  # fmt: skip
    try:
        _ALARMS.labels(Tenant.objects.get(pk=marker.tenant_id).slug).inc()
        _record(marker, way_out, user_id)
    except (DatabaseError, Tenant.DoesNotExist):  # such as from a backup with the same key
        logger.exception("the alarm of canary %d could not be recorded", marker.number)


def recent() -> int:
    """Return how many alarms the bound tenant had lately."""
    since = timezone.now() - SHOWN_FOR
    return Event.objects.filter(action=ACTION, happened_at__gte=since).count()


def _record(marker: Marker, way_out: str, user_id: int | None) -> None:
    with tenant_context(marker.tenant_id), transaction.atomic():
        # A leak can cross tenants, and this trail then must not name the other one's people.
        people = Membership.objects.filter(tenant_id=marker.tenant_id, user_id=user_id or 0)
        is_own = people.exists()
        audit.record(
            ACTION,
            tenant_id=marker.tenant_id,
            actor_id=user_id if is_own else None,
            way_out=way_out,
            canary=marker.number,
            across_tenants=user_id is not None and not is_own,
        )
