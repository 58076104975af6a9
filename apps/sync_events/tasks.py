"""Celery's edge of syncing: ids in, one call. A lost task loses nothing, the rows are the queue."""

from __future__ import annotations

import logging
from datetime import timedelta

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from apps.acls import own_claims, pruning
from apps.connections.models import Connection
from apps.documents import canary_planting, history
from apps.search.indexer import queue as index_queue
from apps.sync_events import drift, engine, indexing, schedule, stuck, timetable
from apps.sync_events.exposure import reports as exposure_reports
from apps.sync_events.exposure import tasks as exposures
from apps.sync_events.models import Lane, SyncRun
from apps.sync_events.push_in import subscriptions
from apps.tenants.context import tenant_context
from apps.tenants.models import Tenant

log = logging.getLogger(__name__)

# Seconds after which a task that nobody took is dropped; the next wake-up sends it again.
EXPIRES_S = 10
# No cached set is older; what is pruned only makes older ones be computed again.
CHANGE_LOG_KEPT = timedelta(days=1)
_QUEUES = {Lane.PERMISSIONS: "permissions", Lane.CONTENT: "sync"}


def send_run(tenant_id: int, run_id: int, lane: str) -> None:
    """Wake a worker for a run, once the current transaction has committed."""
    transaction.on_commit(
        lambda: run.apply_async(
            args=(tenant_id, run_id, lane), queue=_QUEUES[Lane(lane)], expires=EXPIRES_S
        ),
        robust=True,  # without a broker the row waits for the next wake-up
    )


def send_index(tenant_id: int) -> None:
    """Wake an indexing worker, once the current transaction has committed."""
    transaction.on_commit(
        lambda: index.apply_async(args=(tenant_id,), queue="index", expires=EXPIRES_S),
        robust=True,
    )


@shared_task(name="apps.sync_events.tasks.run")
def run(tenant_id: int, run_id: int, lane: str) -> str:
    """Work on a sync run for a slice of time, then make room for whatever is more urgent."""
    with tenant_context(tenant_id):
        outcome = engine.work(run_id)
        if outcome in (engine.Outcome.MORE, engine.Outcome.ENDED):
            send_index(tenant_id)
        if outcome is engine.Outcome.MORE:
            send_run(tenant_id, run_id, lane)
        elif outcome is engine.Outcome.ENDED:
            _send_claimable(tenant_id)
            _send_subscriptions(tenant_id, run_id)
    return outcome.value


@shared_task(name="apps.sync_events.tasks.index")
def index(tenant_id: int) -> None:
    """Index documents of a tenant for a while, and come back if more are left."""
    with tenant_context(tenant_id):
        if indexing.work():
            send_index(tenant_id)


@shared_task(name="apps.sync_events.tasks.wake_work")
def wake_work() -> None:
    """Send tasks for all work that is due; beat calls this every other second."""
    for tenant_id in Tenant.objects.filter(is_active=True).values_list("pk", flat=True):
        with tenant_context(tenant_id):
            schedule.resume_after_stop()
            own_claims.stop_where_owner_left()
            timetable.keep()
            schedule.request_due_permission_sweeps()
            stuck.tell()
            schedule.retry_due_items()
            schedule.request_for_hints()
            _send_claimable(tenant_id)
            exposures.send_claimable(tenant_id)
            with transaction.atomic():
                if index_queue.has_work():
                    send_index(tenant_id)


@shared_task(name=timetable.TASK)
def look(tenant_id: int, connection_id: int) -> None:
    """Queue what is due for one connection; beat calls this by the connection's own period."""
    with tenant_context(tenant_id), transaction.atomic():
        source = Connection.objects.syncing().filter(pk=connection_id).first()
        if source is not None and source.tenant.is_active:
            schedule.request_due(source)
            _send_claimable(tenant_id)


@shared_task(name="apps.sync_events.tasks.keep_subscriptions")
def keep_subscriptions(tenant_id: int = 0) -> None:
    """Renew what sources have agreed to report, where it ends soon or was never asked for.

    Args:
        tenant_id: of whom; 0 for all tenants.
    """
    tenants = Tenant.objects.filter(is_active=True)
    if tenant_id:
        tenants = tenants.filter(pk=tenant_id)
    for pk in tenants.values_list("pk", flat=True):
        with tenant_context(pk):
            with transaction.atomic():
                sources = list(Connection.objects.syncing().select_related("tenant"))
            for source in sources:
                subscriptions.keep(source)


@shared_task(name="apps.sync_events.tasks.plant_canaries")
def plant_canaries() -> None:
    """Plant canary documents where a tenant is new, lacks one, or the key has changed."""
    canary_planting.plant_everywhere()


@shared_task(name="apps.sync_events.tasks.check_drift")
def check_drift() -> None:
    """Ask sources whether our answers are theirs, where that is due."""
    for tenant_id in Tenant.objects.filter(is_active=True).values_list("pk", flat=True):
        with tenant_context(tenant_id):
            drift.work()


@shared_task(name="apps.sync_events.tasks.prune_history")
def prune_history() -> None:
    """Delete what tenants keep no longer of their permission history, and old change logs."""
    for tenant_id in Tenant.objects.values_list("pk", flat=True):
        with tenant_context(tenant_id):
            history.prune()
            exposure_reports.prune()
            pruning.prune(before=timezone.now() - CHANGE_LOG_KEPT)


def _send_subscriptions(tenant_id: int, run_id: int) -> None:
    """After a listing, whose logs are known then, have the source asked to send word at once."""
    with transaction.atomic():
        listing = SyncRun.objects.filter(pk=run_id, lane=Lane.CONTENT, is_sweep=True)
        was_listing = listing.exists()
    if was_listing:
        keep_subscriptions.apply_async(args=(tenant_id,), queue="sync", expires=EXPIRES_S)


def _send_claimable(tenant_id: int) -> None:
    for run_id, lane in schedule.claimable_runs():
        send_run(tenant_id, run_id, lane)
