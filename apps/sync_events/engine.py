"""Works on one sync run, from claim to end. Reads top to bottom as the story of a sync.

claim → look at what the source reported → (lane of permissions: read its logs of changes) →
a sweep: ask the connector for pages, store each, answer what is reported in between → (time is up:
lay the run down, go on later) → sweep out what was not seen → finish
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
    OwnFault,
    RateLimited,
    ScopeMissing,
    SettingsRejected,
    SourceUnavailable,
)
from apps.connections.models import Connection, ConnectionState
from apps.connections.protocol import Connector, Page, Problem
from apps.documents import recall, store
from apps.documents.changes import Changes
from apps.sync_events import (
    events,
    failures,
    following,
    heartbeat,
    pages,
    progress_events,
    run_changes,
    runs,
)
from apps.sync_events.models import ChangeHint, Lane, RunState, SyncRun
from apps.sync_events.webhooks import announce

log = logging.getLogger(__name__)

HINTS_PER_PAGE = 500
# Waiting time when a source does not answer, doubled up to the last (seconds).
BACK_OFF_S = (2, 5, 15, 60, 300)
# After so many tries in vain, some ten minutes, whoever listens is told that a source is away.
TOLD_AFTER = 6
# How often an answer that makes no sense is asked for again before the run fails.
CONTRACT_TRIES = 3


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
        return _give_up_or_wait(run, token, _unforeseen(error))
    if not is_done:
        runs.pause(run_id, token)
        return Outcome.MORE
    _finish(run, token)
    return Outcome.ENDED


def _unforeseen(error: Exception) -> ConnectorError:
    """Name a fault of ours; a few more tries are made before the run fails."""
    return OwnFault(
        "Kenward could not go on with this sync because of a fault.",
        hint="The worker's log has the details.",
        detail=repr(error),
    )


def _work_on(run: SyncRun, token: UUID) -> bool:
    """Store pages until there are no more (True) or the slice is over (False)."""
    connector = recall.connector_for(run.connection)
    ends_at = time.monotonic() + providers.slice_s(run.connection.kind)
    _answer_hints(run, token, connector)
    if run.lane == Lane.PERMISSIONS:
        return _work_on_permissions(run, token, connector, ends_at)
    if not run.is_sweep:
        return True
    if run.cursor is None:
        following.remember(run, token, connector)
    return _store_sweep(run, token, connector, ends_at)


def _work_on_permissions(run: SyncRun, token: UUID, connector: Connector, ends_at: float) -> bool:
    """Read what the logs tell; in a sweep, list all places, readers and groups after that.

    Only this sweep confirms them, and only after its last page: however complete one page says it
    is, a source may tell the readers of its items on later ones.
    """
    if not following.follow(run, token, connector, ends_at=ends_at):
        return False
    if not run.is_sweep:
        return True
    if not _store_sweep(run, token, connector, ends_at):
        return False
    with transaction.atomic():
        current = runs.locked(run.pk, token)
        if current.confirms_from is not None:
            freshness.confirm(current.connection, current.confirms_from)
    return True


def _store_sweep(run: SyncRun, token: UUID, connector: Connector, ends_at: float) -> bool:
    """Store the pages of a sweep; return whether it came to its end before the slice did.

    A slice that has not come further goes on: the next one would begin where it did.
    """
    began_at = run.cursor
    for page in _sweep_pages(run, connector):
        pages.apply(run.pk, token, page, moves_cursor=True)
        # What the source reported meanwhile does not wait for the end of the sweep.
        _answer_hints(run, token, connector)
        if page.cursor is None:
            continue
        if run.lane == Lane.PERMISSIONS:  # what is left of a log is read with the next page
            following.follow(run, token, connector, ends_at=ends_at)
        if page.cursor != began_at and time.monotonic() > ends_at:
            return False
    return True


def _sweep_pages(run: SyncRun, connector: Connector) -> Iterator[Page]:
    listing = connector.permissions if run.lane == Lane.PERMISSIONS else connector.sweep
    try:
        yield from listing(run.cursor)
    except CursorExpired:
        yield from listing(None)


def _answer_hints(run: SyncRun, token: UUID, connector: Connector) -> None:
    while hints := _next_hints(run):
        answered = [hint.pk for hint in hints]
        found = list(connector.changes(list({hint.external_id for hint in hints})))
        for number, page in enumerate(found, start=1):
            done = answered if number == len(found) else []
            pages.apply(run.pk, token, page, moves_cursor=False, done_hints=done)


def _next_hints(run: SyncRun) -> list[ChangeHint]:
    with transaction.atomic():
        hints = ChangeHint.objects.filter(connection=run.connection, lane=run.lane)
        return list(hints.order_by("pk")[:HINTS_PER_PAGE])


def _finish(run: SyncRun, token: UUID) -> None:
    with transaction.atomic():
        current = runs.locked(run.pk, token)
        if current.is_sweep and current.lane == Lane.CONTENT:
            changes = Changes()
            store.delete_unseen(
                current.connection,
                run_id=current.pk,
                started_at=current.started_at or current.created_at,
                changes=changes,
            )
            run_changes.note(current, changes)
            announce.documents(current, changes)
            current.save(update_fields=["deleted"])
            failures.clear_older(current.connection, current.started_at or current.created_at)
            Connection.objects.filter(pk=current.connection_id).update(
                last_swept_at=timezone.now(), state_reason=""
            )
        if _is_uneventful(current):
            progress_events.tell(current.pk)
            current.delete()
            return
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
            moved=current.moved,
            deleted=current.deleted,
            permissions_changed=current.permissions_changed,
            problems=current.problems,
        )


def _is_uneventful(run: SyncRun) -> bool:
    """Return whether a run only asked for changes and heard of none: it would bury the others.

    When the source was last asked stands with the connection.
    """
    has_changed = run.added or run.updated or run.moved or run.deleted or run.permissions_changed
    has_told = run.problems or run.events.exists()
    return (
        run.trigger == SyncRun.Trigger.POLL and not run.is_sweep and not (has_changed or has_told)
    )


def _may_pass(run: SyncRun, error: ConnectorError) -> bool:
    """Return whether the same page is worth another try later."""
    if isinstance(error, RateLimited | SourceUnavailable):
        return True
    # A proxy in between may talk nonsense for a moment; a source that has changed, for good.
    tries = {ContractBroken: CONTRACT_TRIES, OwnFault: len(BACK_OFF_S)}
    return run.attempts < tries.get(type(error), 0)


def _give_up_or_wait(run: SyncRun, token: UUID, error: ConnectorError) -> Outcome:
    """Decide by the kind of error: pause the connection, come back later, or fail the run."""
    log.warning("sync run %s: %s %s", run.pk, error.code, error.detail or error.message)
    with transaction.atomic():
        events.record(run.connection, Problem("", error.code, error.message, error.hint), run=run)
        if _may_pass(run, error):
            wait_s = getattr(error, "retry_after_s", BACK_OFF_S[min(run.attempts, 4)])
            not_before = timezone.now() + timedelta(seconds=wait_s)
            runs.pause(run.pk, token, not_before=not_before, error=str(error))
            if run.attempts == TOLD_AFTER and isinstance(error, SourceUnavailable):
                announce.needs_attention(run.connection, error)
            return Outcome.WAITS
        if isinstance(error, CredentialsRejected | ScopeMissing | SettingsRejected):
            _stop(run.connection, error)
        runs.finish(run.pk, token, RunState.FAILED, error=str(error))
        announce.sync_failed(run, error)
    return Outcome.ENDED


def _stop(source: Connection, error: ConnectorError) -> None:
    """Leave a connection alone until an IT admin has looked after it."""
    state = ConnectionState.NEEDS_ATTENTION
    if Connection.objects.transition(source.pk, state, reason=str(error)[:500]):
        announce.needs_attention(source, error)
