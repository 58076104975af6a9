"""Requests, claims and ends exposure reports. The rows are the queue; tasks only wake the work."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from apps import audit
from apps.acls import freshness
from apps.connections.models import Connection
from apps.sync_events.exposure.models import (
    UNFINISHED_REPORTS,
    ExposurePage,
    ExposureRecall,
    ExposureReport,
    ReportState,
)
from apps.sync_events.runs import HEARTBEAT_S, STALE_AFTER_S, ClaimLost
from apps.tenants.repeating import repeating

KEPT = timedelta(days=30)


def request(
    source: Connection, *, actor_id: int, proposed: Mapping[str, Any] | None = None
) -> ExposureReport:
    """Queue a dry run, in whatever state the connection is. One that is not finished gives way.

    Args:
        source: the connection, of the bound tenant.
        actor_id: who asked; recorded in the audit trail.
        proposed: settings as `Connection.settings` would hold them; None for the stored ones.
    """
    with transaction.atomic():
        # Locked: of two who ask at once, the second replaces the first.
        Connection.objects.select_for_update().get(pk=source.pk)
        unfinished = ExposureReport.objects.filter(connection=source, state__in=UNFINISHED_REPORTS)
        for one in unfinished:
            _end(one, ReportState.CANCELLED, "A newer dry run took its place.")
        report = ExposureReport.objects.create(
            tenant_id=source.tenant_id,
            connection=source,
            requested_by_id=actor_id,
            proposed=None if proposed is None else dict(proposed),
        )
        audit.record(
            "exposure.requested",
            tenant_id=source.tenant_id,
            actor_id=actor_id,
            target=report,
            connection=str(source.uuid),
            has_proposed_settings=proposed is not None,
        )
    return report


def cancel(report: ExposureReport, *, actor_id: int) -> bool:
    """Stop a report that waits or works, and return whether it did."""
    with transaction.atomic():
        unfinished = ExposureReport.objects.select_for_update().filter(
            pk=report.pk, state__in=UNFINISHED_REPORTS
        )
        found = unfinished.first()
        if found is None:
            return False
        _end(found, ReportState.CANCELLED, "Cancelled by hand.")
        audit.record(
            "exposure.cancelled", tenant_id=report.tenant_id, actor_id=actor_id, target=report
        )
    return True


def claimable(now: datetime | None = None) -> QuerySet[ExposureReport]:
    """Return reports that a worker may take: waiting, or left behind by a dead worker."""
    now = now or timezone.now()
    silent = Q(heartbeat_at__lt=now - timedelta(seconds=STALE_AFTER_S)) | Q(claim=None)
    waiting = Q(state=ReportState.QUEUED) | Q(state=ReportState.RUNNING) & silent
    due = Q(not_before=None) | Q(not_before__lte=now)
    return ExposureReport.objects.filter(waiting, due)


def claim(report_id: int) -> UUID | None:
    """Take a report by a conditional UPDATE; return the claim's token, None when it is taken."""
    token, now = uuid4(), timezone.now()
    with transaction.atomic():
        taken = claimable(now).filter(pk=report_id).update(
            state=ReportState.RUNNING,
            claim=token,
            heartbeat_at=now,
            not_before=None,
            started_at=Coalesce("started_at", now),
        )  # fmt: skip
    return token if taken else None


def beating(report_id: int, token: UUID) -> AbstractContextManager[None]:
    """Keep the claim on a report alive for the length of the block."""
    beat = partial(_beat, report_id, token)
    return repeating(beat, every_s=HEARTBEAT_S, name=f"exposure-{report_id}")


def locked(report_id: int, token: UUID) -> ExposureReport:
    """Return the report, locked for the rest of the transaction.

    Raises:
        ClaimLost: the claim does not hold any more; nothing may be written for it.
    """
    held = ExposureReport.objects.select_for_update(of=("self",)).select_related("connection")
    report = held.filter(pk=report_id, claim=token, state=ReportState.RUNNING).first()
    if report is None:
        raise ClaimLost(f"Exposure report {report_id} is not ours any more.")
    return report


def pause(report_id: int, token: UUID, *, wait_s: float = 0, error: str = "") -> None:
    """Lay a report down so that any worker may go on with it.

    Args:
        report_id: of the report.
        token: the claim.
        wait_s: seconds before which nobody goes on.
        error: why it waits; counts as a try.
    """
    not_before = timezone.now() + timedelta(seconds=wait_s) if wait_s else None
    with transaction.atomic():
        ExposureReport.objects.filter(pk=report_id, claim=token).update(
            claim=None,
            not_before=not_before,
            error=error[:1000],
            attempts=F("attempts") + (1 if error else 0),
        )


def fail(report_id: int, token: UUID, error: str) -> None:
    """End a report that cannot be made."""
    with transaction.atomic():
        held = ExposureReport.objects.filter(pk=report_id, claim=token).first()
        if held is not None:
            _end(held, ReportState.FAILED, error)


def finish(report: ExposureReport, result: dict[str, Any]) -> None:
    """Store what came out of a locked report, and forget what the source told for it."""
    report.result = result
    _end(report, ReportState.DONE, "")
    audit.record(
        "exposure.finished",
        tenant_id=report.tenant_id,
        target=report,
        connection=str(report.connection.uuid),
        documents=report.seen,
    )


def prune() -> None:
    """Delete the bound tenant's reports that are older than they are kept."""
    with transaction.atomic():
        old = ExposureReport.objects.filter(created_at__lt=timezone.now() - KEPT)
        old.exclude(state__in=UNFINISHED_REPORTS).delete()


def _beat(report_id: int, token: UUID) -> bool:
    with transaction.atomic():
        # As in a sync: all workers may be busy with long work.
        freshness.stay()
        held = ExposureReport.objects.filter(pk=report_id, claim=token, state=ReportState.RUNNING)
        return bool(held.update(heartbeat_at=timezone.now()))


def _end(report: ExposureReport, state: ReportState, error: str) -> None:
    ExposurePage.objects.filter(report=report).delete()
    ExposureRecall.objects.filter(report=report).delete()
    report.state, report.error, report.claim = state, error[:1000], None
    report.cursor, report.finished_at = None, timezone.now()
    report.save()
