"""Looks at what a page would open before it is stored: warns of large swings, or holds them.

Reads top to bottom: what would the page widen, what has been decided about that, what does the rest
mean in documents and people, and is that too much to happen by itself. What takes access away never
waits: whatever is held, the rest of the page is stored at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection

from apps import audit
from apps.acls import policy
from apps.acls.models import HoldState
from apps.connections.models import Connection
from apps.connections.protocol import Page, Problem
from apps.documents import impact as impacts
from apps.documents.impact import Impact, Move
from apps.sync_events import events, holds_changes, holds_page
from apps.sync_events.holds_page import Comparison, Widening
from apps.sync_events.models import Lane, RunState, SyncRun
from apps.sync_events.run_changes import PermissionChanges

log = logging.getLogger(__name__)

# More documents than this, opened by one run, are worth a warning, where the connection does not
# say otherwise.
ALARM_ABOVE = 1000
# How long the counting may take, waiting for locks included (seconds); longer counts as a large
# swing.
LIMIT_S = 2.0

# Stores the permissions of a page; returns what that changed.
Write = Callable[[SyncRun, Page], PermissionChanges]


def apply(run: SyncRun, page: Page, write: Write) -> tuple[Page, PermissionChanges]:
    """Store the permissions of a page, without what has to wait for an IT admin.

    Args:
        run: locked; how many documents it has opened is counted in it.
        page: as the connector told it.
        write: stores the permissions of a page in the current transaction.

    Returns:
        the page whose items may be stored: their policies are as open as they may be now; and what
        `write` returned of it.
    """
    source = run.connection
    is_first = not _has_been_swept(source)
    found = holds_page.compare(source, page, new_too=is_first and source.hold_above is not None)
    held = _held(run, page, found, write, is_first=is_first) if found.widenings else []
    may_be_stored = found.held_back(page, {one.subject for one in held})
    changed = write(run, may_be_stored)
    holds_changes.settle(source, found.told, held)
    return may_be_stored, changed


def _held(
    run: SyncRun, page: Page, found: Comparison, write: Write, *, is_first: bool
) -> list[Widening]:
    """Return the widenings of a page that are not to be stored, and warn of large ones."""
    source = run.connection
    known = holds_changes.decided(source, found.widenings.keys())
    by_state: dict[str | None, list[Widening]] = {}
    for widening in found.widenings.values():
        by_state.setdefault(known.of(widening), []).append(widening)
    refused = by_state.get(HoldState.REFUSED, [])
    waiting = by_state.get(HoldState.WAITING, [])
    new = by_state.get(None, [])
    if source.hold_above is None:
        if new and not is_first:
            _warn_if_large(run, _impact(run, page, found, write, without=refused + waiting))
        return refused
    if not new:
        if waiting and run.lane == Lane.PERMISSIONS:
            counted = _impact(run, page, found, write, without=refused)
            holds_changes.recount(source, counted)
        return refused + waiting
    impact = _impact(run, page, found, write, without=refused)
    if not (is_first or _is_above(source.hold_above, run, impact)):
        _warn_if_large(run, impact)
        return refused + waiting
    holds_changes.hold(source, new, impact, observed_at=page.observed_at)
    _tell(run, "permissions_held", impact, "These documents wait until an IT admin agrees.")
    return refused + waiting + new


def _has_been_swept(source: Connection) -> bool:
    """Whether everything was compared once: before, nobody knows how much would open."""
    ended = (RunState.SUCCEEDED, RunState.PARTIAL)
    sweeps = SyncRun.objects.filter(connection=source, lane=Lane.CONTENT, is_sweep=True)
    return sweeps.filter(state__in=ended).exists()


def _impact(
    run: SyncRun, page: Page, found: Comparison, write: Write, *, without: Collection[Widening]
) -> Impact | None:
    """Return what a page would mean without some of its widenings; None: it takes too long."""
    left_out = {one.subject for one in without}
    tried = found.held_back(page, left_out)

    def change() -> list[Move]:
        write(run, tried)
        told = [move for move in found.moves if move.subject not in left_out]
        ids = policy.policies_for_places(run.connection.realm, [move.policy for move in told])
        return [
            Move(move.document_id, move.policy_id, to) for move, to in zip(told, ids, strict=True)
        ]

    try:
        return impacts.of(
            change, acls=found.place_ids, principals=found.principal_ids, limit_s=LIMIT_S
        )
    except impacts.TooLarge:
        log.info("sync run %s: what a page opens could not be counted in time", run.pk)
        return None


def _is_above(threshold: int, run: SyncRun, impact: Impact | None) -> bool:
    return impact is None or run.opened + impact.gained.documents > threshold


def _warn_if_large(run: SyncRun, impact: Impact | None) -> None:
    """Count what a page opens, and warn once the run's pages together have opened a lot."""
    chosen = run.connection.hold_above
    above = ALARM_ABOVE if chosen is None else chosen
    has_warned = run.opened > above
    opens = impact is None or impact.gained.documents > 0
    is_large = _is_above(above, run, impact)
    run.opened += impact.gained.documents if impact else 0
    if opens and is_large and not has_warned:
        _tell(run, "permissions_widened", impact, "Look at what has changed in the source.")
        gained = impact.gained if impact else None
        audit.record(
            "permissions.widened",
            tenant_id=run.tenant_id,
            target=run,
            connection=str(run.connection.uuid),
            documents=gained.documents if gained else None,
            people=gained.people if gained else None,
            documents_for_all=gained.documents_for_all if gained else None,
        )


def _tell(run: SyncRun, code: str, impact: Impact | None, hint: str) -> None:
    message = f"This sync opens {_in_words(impact)}."
    problem = Problem("", code, message, hint=hint, is_error=False)
    events.record(run.connection, problem, run=run)


def _in_words(impact: Impact | None) -> str:
    if impact is None:
        return "more documents than could be counted in time"
    gained = impact.gained
    if not gained.documents:  # before the first documents of a source are stored
        return "documents that are not stored yet"
    documents = f"{gained.documents:,} document{'' if gained.documents == 1 else 's'}"
    if gained.documents_for_all == gained.documents > 0:
        return f"{documents} to everyone"
    people = f"{gained.people:,} {'person' if gained.people == 1 else 'people'}"
    for_all = f", {gained.documents_for_all:,} of them to everyone"
    return f"{documents} to {people}{for_all if gained.documents_for_all else ''}"
