"""Drives indexing, and tells the admin about documents that cannot be indexed."""

from __future__ import annotations

from django.db import transaction

from apps.connections.models import CANARY_KIND
from apps.connections.protocol import Problem
from apps.documents.models import Document
from apps.search.indexer import worker
from apps.search.indexer.indexing import IndexOutcome
from apps.sync_events import events
from apps.sync_events.models import SyncRun

# Seconds for one tenant before another one's turn.
BUDGET_S = 5


def work() -> bool:
    """Index what waits in the bound tenant for a while; return whether anything is left."""
    return worker.work_off(budget_s=BUDGET_S, report=_report)


def _report(outcome: IndexOutcome) -> None:
    if outcome.state != "failed":
        return
    with transaction.atomic():
        document = Document.objects.select_related("connection").get(pk=outcome.document_id)
        if document.connection.kind == CANARY_KIND:
            return  # no page may tell of it
        run = SyncRun.objects.filter(pk=document.seen_by_run_id or 0).first()
        problem = Problem(
            document.external_id, outcome.code, outcome.message, outcome.hint, is_error=True
        )
        events.record(document.connection, problem, run=run)
