"""Stores one page of a sync: places, documents, events and the cursor, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from django.db import OperationalError, transaction
from django.utils import timezone
from psycopg.errors import DeadlockDetected

from apps.acls import policy, record
from apps.connections.protocol import Page, Problem, RemotePolicy
from apps.documents import store
from apps.sync_events import events, failures, holds, runs
from apps.sync_events.models import ChangeHint, Lane, SyncRun
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
        page = holds.apply(run, page, _apply_permissions)
        _apply_documents(run, page)
        _record_problems(run, page.problems)
        ChangeHint.objects.filter(pk__in=done_hints).delete()
        if moves_cursor:
            run.cursor = page.cursor
        run.heartbeat_at = timezone.now()
        run.attempts, run.error = 0, ""
        run.save()


def _apply_permissions(run: SyncRun, page: Page) -> None:
    changes, recorded = announce.wanted(run.connection), None
    if page.groups or page.deleted_groups or page.acls or page.are_acls_complete:
        recorded = record.apply(
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
        told = {name: policies[remote] for name, remote in page.item_policies}
        store.point(run.connection, told, observed_at=page.observed_at, changes=changes)
    announce.permissions(run, recorded, changes)


def _apply_documents(run: SyncRun, page: Page) -> None:
    policies = _stored_policies(run, (item.policy for item in page.items))
    changes = announce.wanted(run.connection)
    written = store.write(
        run.connection,
        page.items,
        policies,
        observed_at=page.observed_at,
        run_id=run.pk,
        changes=changes,
    )
    run.deleted += store.delete(
        run.connection,
        external_ids=page.deleted_ids,
        prefixes=page.deleted_prefixes,
        observed_at=page.observed_at,
        changes=changes,
    )
    announce.documents(run, changes)
    failures.clear(run.connection, [item.external_id for item in page.items])
    run.pages += 1
    run.seen += len(page.items)
    run.added += written.added
    run.updated += written.changed
    run.total = page.total_items if page.total_items is not None else run.total


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


def _record_problems(run: SyncRun, problems: Iterable[Problem]) -> None:
    for problem in problems:
        events.record(run.connection, problem, run=run)
        if not problem.is_error:
            continue
        run.problems += 1
        if run.lane == Lane.CONTENT:  # what is wrong with permissions is no item to be tried again
            failures.note(run.connection, problem)
