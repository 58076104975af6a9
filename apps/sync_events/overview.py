"""What the first page of the admin tells: counts, freshness, what runs now and what failed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection as database
from django.db.models import Count, Max, Q
from django.utils import timezone

from apps.connections.models import Connection, ConnectionState
from apps.documents import canary_alarm
from apps.documents.models import Document
from apps.documents.states import STATES
from apps.sync_events import lag
from apps.sync_events.lag import Lag
from apps.sync_events.models import UNFINISHED, FailedItem, SyncEvent, SyncRun
from apps.sync_events.pace import with_expectations
from apps.tenants.context import required_tenant_id
from apps.tenants.models import Membership

RECENT = timedelta(days=1)
_LISTED = 10


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old what is known of a source is, and when everything is compared again."""

    connection: Connection
    next_sweep_at: datetime | None


@dataclass(frozen=True, slots=True)
class Overview:
    """One tenant at a glance. `recent_failures` are the latest of `failure_count` in a day.

    `unfinished` and `stuck` are runs with what is expected of them (`pace`).

    `canary_alarms` are the leaks of the last week (`documents.canary_alarm`).
    """

    documents: dict[str, int]
    connections: dict[str, int]
    members: int
    failed_items: int
    sources: list[Lag]
    unfinished: list[SyncRun]
    stuck: list[SyncRun]
    newest_run: int
    recent_failures: list[SyncEvent]
    failure_count: int
    canary_alarms: int


@dataclass(frozen=True, slots=True)
class TenantCounts:
    """Numbers of one tenant, without any of its rows."""

    tenant_id: int
    documents: int
    searchable: int
    failed: int
    connections: int
    members: int
    running: int


def of_tenant() -> Overview:
    """Return the overview of the bound tenant."""
    failures = SyncEvent.objects.filter(
        level=SyncEvent.Level.ERROR, happened_at__gte=timezone.now() - RECENT
    )
    unfinished = with_expectations(
        SyncRun.objects.filter(state__in=UNFINISHED).select_related("connection")
    )
    stuck = unfinished.exclude(stuck_at=None).order_by("stuck_at", "pk")
    return Overview(
        documents=Document.objects.without_canaries().aggregate(
            **{
                state: Count("pk", filter=STATES[state])
                for state in ("searchable", "waiting", "failed")
            }
        ),
        connections=Connection.objects.aggregate(
            **{state.value: Count("pk", filter=Q(state=state)) for state in ConnectionState}
        ),
        members=Membership.objects.filter(tenant_id=required_tenant_id(), is_active=True).count(),
        failed_items=FailedItem.objects.count(),
        sources=lag.of_all(Connection.objects.order_by("name")),
        unfinished=list(unfinished.order_by("-started_at", "pk")[:_LISTED]),
        stuck=list(stuck[:_LISTED]),
        newest_run=SyncRun.objects.aggregate(newest=Max("pk"))["newest"] or 0,
        recent_failures=list(
            failures.select_related("connection", "run").order_by("-pk")[:_LISTED]
        ),
        failure_count=failures.count(),
        canary_alarms=canary_alarm.recent(),
    )


def per_tenant() -> list[TenantCounts]:
    """Return numbers of every tenant. Only operators may be shown them: the caller checks that."""
    with database.cursor() as cursor:
        cursor.execute("SELECT * FROM kenward_tenant_counts()")
        return [TenantCounts(*row) for row in cursor.fetchall()]


def freshness(source: Connection) -> Freshness:
    """Return when a source is compared with what is known of it the next time."""
    if source.state != ConnectionState.ACTIVE:
        return Freshness(source, None)
    last = source.last_swept_at
    due = last + timedelta(seconds=source.sweep_interval_s) if last else timezone.now()
    return Freshness(source, due)
