"""Celery's edge of exposure reports. A lost task loses nothing, the rows are the queue."""

from __future__ import annotations

from celery import shared_task
from django.db import transaction

from apps.sync_events.exposure import collect, reports
from apps.tenants.context import tenant_context

# Seconds after which a task that nobody took is dropped; the next wake-up sends it again.
EXPIRES_S = 10


def send(tenant_id: int, report_id: int) -> None:
    """Wake a worker for a report, once the current transaction has committed."""
    transaction.on_commit(
        lambda: make.apply_async(args=(tenant_id, report_id), queue="sync", expires=EXPIRES_S),
        robust=True,  # without a broker the row waits for the next wake-up
    )


def send_claimable(tenant_id: int) -> None:
    """Wake workers for all reports of the bound tenant that are due."""
    with transaction.atomic():
        for report_id in reports.claimable().order_by("pk").values_list("pk", flat=True):
            send(tenant_id, report_id)


@shared_task(name="apps.sync_events.exposure.tasks.make")
def make(tenant_id: int, report_id: int) -> str:
    """Work on a report for a slice of time, then make room for other work."""
    with tenant_context(tenant_id):
        outcome = collect.work(report_id)
        if outcome is collect.Outcome.MORE:
            send(tenant_id, report_id)
    return outcome.value
