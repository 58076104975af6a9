"""Celery's edge of documents. A lost task loses nothing: the rows are the queue."""

from __future__ import annotations

import time

from celery import shared_task
from django.db import transaction

from apps.documents import data_deletion, reclassify
from apps.tenants.context import tenant_context
from apps.tenants.models import Tenant

# Seconds after which a task that nobody took is dropped; beat sends it again.
_EXPIRES_S = 10
_SLICE_S = 1.0


def send_reclassify(tenant_id: int) -> None:
    """Wake a worker for what is left to classify, once the current transaction has committed."""
    transaction.on_commit(
        lambda: apply_class_rules.apply_async(
            args=(tenant_id,), queue="permissions", expires=_EXPIRES_S
        ),
        robust=True,  # without a broker the row waits for the next wake-up
    )


@shared_task(name="apps.documents.tasks.apply_class_rules")
def apply_class_rules(tenant_id: int) -> None:
    """Classify for a slice of time, then make room for whatever is more urgent."""
    until = time.monotonic() + _SLICE_S
    with tenant_context(tenant_id):
        while reclassify.step():
            if time.monotonic() > until:
                send_reclassify(tenant_id)
                return


@shared_task(name="apps.documents.tasks.wake_class_rules")
def wake_class_rules() -> None:
    """Send tasks for what is left to classify in any tenant; beat calls this every few seconds."""
    for tenant_id in Tenant.objects.filter(is_active=True).values_list("pk", flat=True):
        with tenant_context(tenant_id), transaction.atomic():
            if reclassify.unfinished() is not None:
                send_reclassify(tenant_id)


def send_data_deletion(tenant_id: int) -> None:
    """Wake a worker for what somebody wants deleted, once the transaction has committed."""
    transaction.on_commit(
        lambda: delete_data.apply_async(args=(tenant_id,), queue="sync", expires=_EXPIRES_S),
        robust=True,  # without a broker the row waits for the next wake-up
    )


@shared_task(name="apps.documents.tasks.delete_data")
def delete_data(tenant_id: int) -> None:
    """Delete for a slice of time what was copied from connections that ended."""
    until = time.monotonic() + _SLICE_S
    with tenant_context(tenant_id):
        with transaction.atomic():
            waiting = data_deletion.unfinished()
        for connection in waiting:
            while data_deletion.step(connection):
                if time.monotonic() > until:
                    with transaction.atomic():
                        send_data_deletion(tenant_id)
                    return


@shared_task(name="apps.documents.tasks.wake_data_deletion")
def wake_data_deletion() -> None:
    """Send tasks for what is left to delete in any tenant; beat calls this every few seconds."""
    for tenant_id in Tenant.objects.values_list("pk", flat=True):
        with tenant_context(tenant_id), transaction.atomic():
            if data_deletion.unfinished():
                send_data_deletion(tenant_id)
