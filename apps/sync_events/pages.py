"""Stores one page of a sync: places, documents, events and the cursor, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from django.db import OperationalError, transaction
from django.utils import timezone
from psycopg.errors import DeadlockDetected

from apps.acls import policy, record
from apps.connections import own_account
from apps.connections.protocol import Page, Problem, RemotePolicy
from apps.documents import authority, store
from apps.documents.changes import Changes
from apps.sync_events import (
    events,
    failures,
    holds,
    log_positions,
    progress_events,
    run_changes,
    runs,
)
from apps.sync_events.models import ChangeHint, Lane, SyncRun
from apps.sync_events.run_changes import PermissionChanges
from apps.sync_events.webhooks import announce

# Both lanes of a source write the same people and places, in the order of their pages: where they
# meet in a circle, PostgreSQL breaks one off, and the other has done its part by the next try.
_TRIES = 4


def apply(
    run_id: int, token: UUID, page: Page, *, moves_cursor: bool, done_hints: Iterable[int] = ()
) -> None:
    """Store a page; running it twice leaves the same rows.

    Args:
        run_id: the run it belongs to.
        token: the claim that must still hold.
        page: what the source said.
        moves_cursor: whether the run goes on after this page's cursor (pages of a sweep).
        done_hints: hints that are answered with this page.

    Raises:
        ClaimLost: another worker has taken over; nothing is stored.
    """
    done_hints = list(done_hints)
    for tries_left in reversed(range(_TRIES)):
        try:
            _store(run_id, token, page, moves_cursor=moves_cursor, done_hints=done_hints)
        except OperationalError as error:
            if not tries_left or not isinstance(error.__cause__, DeadlockDetected):
                raise
        else:
            return


def _store(
    run_id: int, token: UUID, page: Page, *, moves_cursor: bool, done_hints: list[int]
) -> None:
    with transaction.atomic():
        run = runs.locked(run_id, token)
        page = own_account.narrowed(page, run.connection)
        page, permitted = holds.apply(run, page, _apply_permissions)
        changes = _apply_documents(run, page)
        run_changes.note(run, changes, permitted)
        announce.permissions(run, changes, permitted)
        announce.documents(run, changes)
        # What is wrong with permissions is no item to be tried again; logs tell of items, too.
        is_about_items = run.lane == Lane.CONTENT or bool(page.positions)
        _record_problems(run, page.problems, is_about_items=is_about_items)
        log_positions.move(run.connection, page.positions)
        ChangeHint.objects.filter(pk__in=done_hints).delete()
        if moves_cursor:
            run.cursor = page.cursor
            run.confirms_from = run.confirms_from or page.observed_at
        run.heartbeat_at = run.progressed_at = timezone.now()
        run.stuck_at = None
        if moves_cursor or done_hints:  # of logs, only one that was read to its end is progress
            run.attempts, run.error = 0, ""
        progress_events.stored(run)
        run.save()


def _apply_permissions(run: SyncRun, page: Page) -> PermissionChanges:
    told = PermissionChanges()
    if page.groups or page.deleted_groups or page.acls or page.are_acls_complete:
        told.recorded = record.apply(
            run.connection.realm,
            groups=page.groups,
            deleted_groups=page.deleted_groups,
            acls=page.acls,
            observed_at=page.observed_at,
            complete=page.are_acls_complete,
            brought_by=run.uuid,
        )
    if page.item_policies:
        policies = _stored_policies(run, (remote for _, remote in page.item_policies))
        pointed = {name: policies[remote] for name, remote in page.item_policies}
        store.point(run.connection, pointed, observed_at=page.observed_at, changes=told.documents)
    return told


def _apply_documents(run: SyncRun, page: Page) -> Changes:
    changes = Changes()
    items = authority.left_to(run.connection, page.items)
    policies = _stored_policies(run, (item.policy for item in items))
    left_out = store.write(
        run.connection,
        items,
        policies,
        observed_at=page.observed_at,
        run_id=run.pk,
        changes=changes,
    )
    _record_problems(run, left_out)
    names = [item.external_id for item in items]
    authority.take(run.connection, names, observed_at=page.observed_at)
    store.delete(
        run.connection,
        external_ids=page.deleted_ids,
        prefixes=page.deleted_prefixes,
        policy_ids=_policies_within(run, page.deleted_places),
        observed_at=page.observed_at,
        changes=changes,
    )
    failures.clear(run.connection, names)
    run.pages += 1
    run.seen += len(page.items)
    run.total = page.total_items if page.total_items is not None else run.total
    return changes


def _policies_within(run: SyncRun, places: Sequence[str]) -> list[int]:
    return policy.policies_within(run.connection.realm, places) if places else []


def _stored_policies(run: SyncRun, remote: Iterable[RemotePolicy]) -> Mapping[RemotePolicy, int]:
    """Translate policies from the source's place names into stored ones.

    One that names an unknown place admits nobody, and an event says so.
    """
    wanted = list(dict.fromkeys(remote))
    stored = dict(
        zip(wanted, policy.policies_for_places(run.connection.realm, wanted), strict=True)
    )
    nobody = policy.nobody() if wanted else 0
    for clauses, policy_id in stored.items():
        if clauses and policy_id == nobody:
            place = clauses[0][0] if clauses[0] else ""
            reason = "The readers of this place are unknown, so nobody may read it."
            unknown = Problem(place, "permission_unresolved", reason)
            events.record(run.connection, unknown, run=run)
    return stored


def _record_problems(
    run: SyncRun, problems: Iterable[Problem], *, is_about_items: bool = False
) -> None:
    for problem in problems:
        events.record(run.connection, problem, run=run)
        if not problem.is_error:
            continue
        run.problems += 1
        if is_about_items and problem.external_id:
            failures.note(run.connection, problem)
