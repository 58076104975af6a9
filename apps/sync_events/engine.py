"""Works on one sync run, from claim to end. Reads top to bottom as the story of a sync.

claim → ask the connector for pages → store each page → answer reported changes in between →
(time is up: lay the run down, go on later) → sweep out what was not seen → finish
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps import audit
from apps.acls import freshness
from apps.connections import providers
from apps.connections.errors import (
    ConnectorError,
    ContractBroken,
    CredentialsRejected,
    CursorExpired,
    RateLimited,
    SettingsRejected,
    SourceUnavailable,
)
from apps.connections.models import Connection, ConnectionState
from apps.connections.protocol import Connector, Page, Problem
from apps.documents import store
from apps.sync_events import events, failures, heartbeat, pages, runs
from apps.sync_events.models import ChangeHint, Lane, RunState, SyncRun
from apps.sync_events.webhooks import announce

log = logging.getLogger(__name__)

# How long one claim may last before the worker looks at its queues again (seconds), so that a
# permission change never waits for a long sweep.
SLICE_S = 1.0
HINTS_PER_PAGE = 500
# Waiting time when a source does not answer, doubled up to the last (seconds).
BACK_OFF_S = (2, 5, 15, 60, 300)


class Outcome(StrEnum):
    """What became of a run in this slice."""

    NOT_OURS = "not_ours"
    MORE = "more"
    WAITS = "waits"
    ENDED = "ended"


def work(run_id: int) -> Outcome:
    """Work on a run for a slice of time.

    Needs a bound tenant and no open transaction: every page is one of its own.

    Args:
        run_id: a run that waits, or that a dead worker left.
    """
    token = runs.claim(run_id)
    if token is None:
        return Outcome.NOT_OURS
    with transaction.atomic():
        run = SyncRun.objects.select_related("connection").get(pk=run_id)
    try:
        with heartbeat.beating(run_id, token):
            is_done = _work_on(run, token)
    except runs.ClaimLost:
        return Outcome.NOT_OURS
    except ConnectorError as error:
        return _give_up_or_wait(run, token, error)
    except Exception as error:
        log.exception("sync run %s", run.pk)
        return _give_up_or_wait(run, token, _unforeseen(run, error))
    if not is_done:
        runs.pause(run_id, token)
        return Outcome.MORE
    _finish(run, token)
    return Outcome.ENDED


def _unforeseen(run: SyncRun, error: Exception) -> ConnectorError:
    """Turn a fault of ours into a few more tries, then into a failed run."""
    kind = SourceUnavailable if run.attempts < len(BACK_OFF_S) else ContractBroken
    return kind(
        "Kenward could not go on with this sync because of a fault.",
        hint="The worker's log has the details.",
        detail=repr(error),
    )


def _work_on(run: SyncRun, token: UUID) -> bool:
    """Store pages until there are no more (True) or the slice is over (False)."""
    connector = providers.connector_for(run.connection)
    if run.lane == Lane.PERMISSIONS:
        _read_permissions(run, token, connector)
        return True
    ends_at = time.monotonic() + SLICE_S
    _answer_hints(run, token, connector)
    if not run.is_sweep:
        return True
    for page in _sweep_pages(run, connector):
        pages.apply(run.pk, token, page, moves_cursor=True)
        if page.cursor is None:
            return True
        # What the source reported meanwhile does not wait for the end of the sweep.
        _answer_hints(run, token, connector)
        if time.monotonic() > ends_at:
            return False
    return True


def _read_permissions(run: SyncRun, token: UUID, connector: Connector) -> None:
    """Store all places, readers and groups; they count from before the source was first asked.

    Only this lane confirms them, and only after its last page: however complete one page says it
    is, a source may tell the readers of its items on later ones.
    """
    observed_at = None
    for page in connector.permissions():
        observed_at = observed_at or page.observed_at
        pages.apply(run.pk, token, page, moves_cursor=False)
    if observed_at is not None:
        with transaction.atomic():
            freshness.confirm(runs.locked(run.pk, token).connection, observed_at)


def _sweep_pages(run: SyncRun, connector: Connector) -> Iterator[Page]:
    try:
        yield from connector.sweep(run.cursor)
    except CursorExpired:
        yield from connector.sweep(None)


def _answer_hints(run: SyncRun, token: UUID, connector: Connector) -> None:
    while hints := _next_hints(run):
        answered = [hint.pk for hint in hints]
        found = list(connector.changes(list({hint.external_id for hint in hints})))
        for number, page in enumerate(found, start=1):
            done = answered if number == len(found) else []
            pages.apply(run.pk, token, page, moves_cursor=False, done_hints=done)


def _next_hints(run: SyncRun) -> list[ChangeHint]:
    with transaction.atomic():
        hints = ChangeHint.objects.filter(connection=run.connection, lane=Lane.CONTENT)
        return list(hints.order_by("pk")[:HINTS_PER_PAGE])


def _finish(run: SyncRun, token: UUID) -> None:
    with transaction.atomic():
        current = runs.locked(run.pk, token)
        if current.is_sweep and current.lane == Lane.CONTENT:
            changes = announce.wanted(current.connection)
            current.deleted += store.delete_unseen(
                current.connection,
                run_id=current.pk,
                started_at=current.started_at or current.created_at,
                changes=changes,
            )
            announce.documents(current, changes)
            current.save(update_fields=["deleted"])
            failures.clear_older(current.connection, current.started_at or current.created_at)
            Connection.objects.filter(pk=current.connection_id).update(
                last_swept_at=timezone.now(), state_reason=""
            )
        state = RunState.PARTIAL if current.problems else RunState.SUCCEEDED
        runs.finish(current.pk, token, state)
        announce.sync_completed(current, state)
        audit.record(
            "sync.finished",
            tenant_id=current.tenant_id,
            target=current,
            connection=str(current.connection.uuid),
            state=state,
            added=current.added,
            updated=current.updated,
            deleted=current.deleted,
            problems=current.problems,
        )


def _give_up_or_wait(run: SyncRun, token: UUID, error: ConnectorError) -> Outcome:
    """Decide by the kind of error: pause the connection, come back later, or fail the run."""
    log.warning("sync run %s: %s %s", run.pk, error.code, error.detail or error.message)
    with transaction.atomic():
        events.record(run.connection, Problem("", error.code, error.message, error.hint), run=run)
        if isinstance(error, RateLimited | SourceUnavailable):
            wait_s = getattr(error, "retry_after_s", BACK_OFF_S[min(run.attempts, 4)])
            not_before = timezone.now() + timedelta(seconds=wait_s)
            runs.pause(run.pk, token, not_before=not_before, error=str(error))
            return Outcome.WAITS
        if isinstance(error, CredentialsRejected | SettingsRejected):
            _stop(run.connection, error)
        runs.finish(run.pk, token, RunState.FAILED, error=str(error))
        announce.sync_failed(run, error)
    return Outcome.ENDED


def _stop(source: Connection, error: ConnectorError) -> None:
    """Leave a connection alone until an IT admin has looked after it."""
    state = ConnectionState.NEEDS_ATTENTION
    if Connection.objects.transition(source.pk, state, reason=str(error)[:500]):
        announce.needs_attention(source, error)
