"""A comparison that was stopped goes on where it stopped, as the same run."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

from apps.accounts.models import User
from apps.audit.models import Event
from apps.connections.models import Connection, ConnectionState
from apps.connections.providers.file_share import connector
from apps.documents import recall
from apps.sync_events import by_hand, pages, runs, schedule, stuck
from apps.sync_events.models import Lane, RunState, SyncRun
from apps.tenants.context import tenant_context
from tests.sync_events.folder import Folder


def ida(folder: Folder) -> int:
    return User.objects.get(email="ida@acme.example").pk


@pytest.fixture
def stopped(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> SyncRun:
    """Return a sweep of seven files that was cancelled after its first two."""
    monkeypatch.setattr(connector, "PAGE_ITEMS", 2)
    folder.write(**{f"file{number}": f"# {number}" for number in range(7)})
    with tenant_context(folder.tenant):
        folder.permissions_changed()
        with transaction.atomic():
            run = runs.request(
                folder.connection, Lane.CONTENT, trigger=SyncRun.Trigger.PERSON, is_sweep=True
            )
        token = runs.claim(run.pk)
        assert token is not None
        for page in recall.connector_for(folder.connection).sweep(None):
            pages.apply(run.pk, token, page, moves_cursor=True)
            if page.items:
                break
        assert by_hand.cancel(run, actor_id=ida(folder))
        with transaction.atomic():
            run.refresh_from_db()
    assert (run.seen, run.state) == (2, RunState.CANCELLED)
    return run


def test_a_cancelled_sweep_goes_on_and_takes_nothing_away(folder: Folder, stopped: SyncRun) -> None:
    with tenant_context(folder.tenant):
        assert by_hand.resume(stopped, actor_id=ida(folder))
        folder.work_off()
        with transaction.atomic():
            stopped.refresh_from_db()
            recorded = Event.objects.filter(action="sync.resumed")
            assert recorded.count() == 1
    assert (stopped.state, stopped.seen, stopped.added) == (RunState.SUCCEEDED, 7, 7)
    assert stopped.finished_at is not None
    assert len(folder.documents()) == 7


def test_what_was_gone_while_it_was_stopped_is_gone_after_it(
    folder: Folder, stopped: SyncRun
) -> None:
    (folder.path / "file6.md").unlink()
    with tenant_context(folder.tenant):
        assert by_hand.resume(stopped, actor_id=ida(folder))
        folder.work_off()
    assert set(folder.documents()) == {f"file{number}.md" for number in range(6)}


def test_a_later_sweep_leaves_nothing_to_go_on_with(folder: Folder, stopped: SyncRun) -> None:
    with tenant_context(folder.tenant), transaction.atomic():
        schedule.request_sweep(folder.connection, trigger=SyncRun.Trigger.PERSON)
        assert not by_hand.can_resume(stopped)
        assert not by_hand.resume(stopped, actor_id=ida(folder))


@pytest.mark.parametrize(
    "fields", [{"state": RunState.SUCCEEDED}, {"state": RunState.RUNNING}, {"cursor": None}]
)
def test_what_has_ended_runs_or_never_began_does_not_go_on(
    folder: Folder, stopped: SyncRun, fields: dict[str, object]
) -> None:
    with tenant_context(folder.tenant), transaction.atomic():
        SyncRun.objects.filter(pk=stopped.pk).update(**fields)
        assert not by_hand.resume(stopped, actor_id=ida(folder))


def test_a_paused_connection_s_sweep_does_not_go_on(folder: Folder, stopped: SyncRun) -> None:
    with tenant_context(folder.tenant), transaction.atomic():
        Connection.objects.update(state=ConnectionState.PAUSED)
        assert not by_hand.resume(stopped, actor_id=ida(folder))


def test_one_that_was_stopped_long_ago_is_not_stuck_at_once(
    folder: Folder, stopped: SyncRun
) -> None:
    with tenant_context(folder.tenant):
        with transaction.atomic():
            assert stopped.progressed_at is not None
            earlier = stopped.progressed_at - timedelta(hours=3)
            SyncRun.objects.filter(pk=stopped.pk).update(progressed_at=earlier, started_at=earlier)
        assert by_hand.resume(stopped, actor_id=ida(folder))
        assert stuck.tell() == 0
