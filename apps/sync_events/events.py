"""Writes what an admin should know about a run or an item."""

from __future__ import annotations

from apps.connections.models import Connection
from apps.connections.protocol import Problem
from apps.sync_events.models import SyncEvent, SyncRun


def record(source: Connection, problem: Problem, *, run: SyncRun | None) -> SyncEvent:
    """Add an event.

    Args:
        source: the connection.
        problem: about one item or, with an empty external id, about the whole run.
        run: the run that met it, or that brought the document that cannot be indexed.
    """
    return SyncEvent.objects.create(
        tenant_id=source.tenant_id,
        run=run,
        connection=source,
        level=SyncEvent.Level.ERROR if problem.is_error else SyncEvent.Level.WARNING,
        code=problem.code,
        external_id=problem.external_id,
        message=problem.message[:1000],
        hint=problem.hint[:500],
    )
