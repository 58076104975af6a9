"""Works on one exposure report, slice by slice. Reads top to bottom as its story.

claim → ask the connector for places, readers and groups, then for its list of documents, never for
a content → keep each page, stripped, in one transaction with its cursor → (time is up: go on later)
→ work out what all of it means
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.connections import own_account, providers
from apps.connections.errors import (
    ConnectorError,
    CursorExpired,
    RateLimited,
    SourceUnavailable,
)
from apps.connections.protocol import Connector, Page, Recalls
from apps.documents import recall
from apps.sync_events.exposure import outcome, reports, stored, wire
from apps.sync_events.exposure.models import ExposurePage, ExposureRecall, ExposureReport, Stage
from apps.sync_events.runs import ClaimLost

log = logging.getLogger(__name__)

# How long one claim lasts before other work has its turn (seconds).
SLICE_S = 3.0
# Documents that are looked at; a source with more is reported in part.
ITEMS_AT_MOST = 1_000_000
# Paths kept of a page, at first and once that many pages were told: about 25,000 in all.
_PATHS, _PATHS_LATER, _LATER = 50, 1, 300
# Waiting time when a source does not answer, and when it has not answered so often it is given up.
_BACK_OFF_S = (2, 5, 15, 60, 300, 300)


class Outcome(StrEnum):
    """What became of a report in this slice."""

    NOT_OURS = "not_ours"
    MORE = "more"
    WAITS = "waits"
    ENDED = "ended"


def work(report_id: int) -> Outcome:
    """Work on a report for a slice of time.

    Needs a bound tenant and no open transaction.

    Args:
        report_id: a report that waits, or that a dead worker left.
    """
    token = reports.claim(report_id)
    if token is None:
        return Outcome.NOT_OURS
    with transaction.atomic():
        report = ExposureReport.objects.select_related("connection__tenant").get(pk=report_id)
    try:
        return _work_on(report, token)
    except ClaimLost:
        return Outcome.NOT_OURS


def _work_on(report: ExposureReport, token: UUID) -> Outcome:
    try:
        with reports.beating(report.pk, token):
            if report.stage == Stage.OUTCOME:
                outcome.make(report, token)
                return Outcome.ENDED
            _list(report, token)
    except ClaimLost:
        raise
    except CursorExpired:
        _begin_stage(report, token, Stage(report.stage))
        return _wait_or_fail(report, token, "The source has forgotten where the listing was.")
    except ConnectorError as error:
        return _refused(report, token, error)
    except Exception:  # let through, it would be met again with each claim, and never be counted
        log.exception("exposure report %s", report.pk)
        return _wait_or_fail(report, token, "Kenward could not go on because of a fault.")
    reports.pause(report.pk, token)
    return Outcome.MORE


def _list(report: ExposureReport, token: UUID) -> None:
    """Keep pages of the report's stage until there are no more, or the slice is over."""
    ends_at = time.monotonic() + SLICE_S
    stage = Stage(report.stage)
    if report.cursor is None:
        _begin_stage(report, token, stage)
    for page in _pages(report, stage):
        is_full = _keep(report, token, own_account.narrowed(page, report.connection))
        if is_full:
            _begin_stage(report, token, Stage.OUTCOME)
            return
        # A slice gets somewhere, however slow the source is.
        if page.cursor not in (None, report.cursor) and time.monotonic() > ends_at:
            return
    _begin_stage(report, token, Stage.ITEMS if stage == Stage.PERMISSIONS else Stage.OUTCOME)


def _pages(report: ExposureReport, stage: Stage) -> Iterator[Page]:
    connector = _connector(report)
    listing = connector.permissions if stage == Stage.PERMISSIONS else connector.sweep
    return listing(report.cursor)


def _connector(report: ExposureReport) -> Connector:
    source = report.connection
    if report.proposed is None:
        connector = providers.connector_for(source)
    else:
        connector = providers.with_settings(
            source.kind, report.proposed, tenant_slug=source.tenant.slug, connection=source
        )
    if isinstance(connector, Recalls):
        connector.recalls(lambda external_ids: _recalled(report, external_ids))
    return connector


def _recalled(
    report: ExposureReport, external_ids: Sequence[str]
) -> Mapping[str, Mapping[str, Any]]:
    """Return what was told of items: in this dry run, else by the syncs before."""
    known = dict(recall.fields_of(report.connection, external_ids))
    with transaction.atomic():
        told = ExposureRecall.objects.filter(report=report, external_id__in=list(external_ids))
        return known | dict(told.values_list("external_id", "fields"))


def _begin_stage(report: ExposureReport, token: UUID, stage: Stage) -> None:
    """Begin a stage; what a worker that died within its first step has kept of it is dropped."""
    with transaction.atomic():
        current = reports.locked(report.pk, token)
        if stage != Stage.OUTCOME:
            ExposurePage.objects.filter(report=current, stage=stage).delete()
            current.seen = 0
        if stage == Stage.ITEMS:
            ExposureRecall.objects.filter(report=current).delete()
        current.stage, current.cursor = stage, None
        current.save(update_fields=["seen", "stage", "cursor"])


def _keep(report: ExposureReport, token: UUID, page: Page) -> bool:
    """Keep a page; return whether as many items were told as are looked at."""
    with transaction.atomic():
        current = reports.locked(report.pk, token)
        has_items = current.stage == Stage.ITEMS
        before = (
            stored.policies_of(current.connection, [item.external_id for item in page.items])
            if has_items
            else {}
        )
        paths = _PATHS if current.pages < _LATER else _PATHS_LATER
        ExposurePage.objects.create(
            tenant_id=current.tenant_id,
            report=current,
            stage=current.stage,
            number=current.pages,
            told=wire.pack(page, before, with_items=has_items, paths=paths),
        )
        _remember(current, page)
        current.pages += 1
        current.seen += len(page.items) if has_items else 0
        current.total = page.total_items if page.total_items is not None else current.total
        current.cursor, current.attempts, current.error = page.cursor, 0, ""
        current.is_truncated = current.seen >= ITEMS_AT_MOST
        current.save()
    return bool(current.is_truncated)


def _remember(report: ExposureReport, page: Page) -> None:
    if not _wants_recall(report):
        return
    ExposureRecall.objects.bulk_create(
        [
            ExposureRecall(
                tenant_id=report.tenant_id,
                report=report,
                external_id=item.external_id,
                fields=dict(item.fields),
            )
            for item in page.items
            if item.fields
        ],
        update_conflicts=True,
        unique_fields=["tenant", "report", "external_id"],
        update_fields=["fields"],
    )


def _wants_recall(report: ExposureReport) -> bool:
    kind = report.connection.kind
    return kind in providers.REGISTRY and issubclass(providers.load(kind), Recalls)


def _refused(report: ExposureReport, token: UUID, error: ConnectorError) -> Outcome:
    log.warning("exposure report %s: %s %s", report.pk, error.code, error.detail or error.message)
    if isinstance(error, RateLimited):
        reports.pause(report.pk, token, wait_s=error.retry_after_s)
        return Outcome.WAITS
    if isinstance(error, SourceUnavailable):
        return _wait_or_fail(report, token, str(error))
    reports.fail(report.pk, token, str(error))
    return Outcome.ENDED


def _wait_or_fail(report: ExposureReport, token: UUID, error: str) -> Outcome:
    with transaction.atomic():
        found = ExposureReport.objects.filter(pk=report.pk).values_list("attempts", flat=True)
        tries = found.first() or 0
    if tries >= len(_BACK_OFF_S):
        reports.fail(report.pk, token, error)
        return Outcome.ENDED
    reports.pause(report.pk, token, wait_s=_BACK_OFF_S[tries], error=error)
    return Outcome.WAITS
