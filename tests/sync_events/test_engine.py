from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from apps.connections import providers
from apps.connections.models import Connection, ConnectionState
from apps.sync_events import engine, pages, runs, schedule
from apps.sync_events.models import ChangeHint, Lane, RunState, SyncEvent, SyncRun
from apps.tenants.context import tenant_context
from tests.sync_events.folder import Folder


def request_content_run(folder: Folder) -> SyncRun:
    with transaction.atomic():
        return runs.request(
            folder.connection, Lane.CONTENT, trigger=SyncRun.Trigger.PERSON, is_sweep=True
        )


def test_a_sweep_brings_every_file_once(folder: Folder) -> None:
    folder.write(a="# A", finance__b="# B", finance__deep__c="# C")
    run = folder.sweep()
    assert sorted(folder.documents()) == ["a.md", "finance/b.md", "finance/deep/c.md"]
    assert (run.state, run.added, run.seen, run.deleted) == (RunState.SUCCEEDED, 3, 3, 0)


def test_a_second_sweep_changes_nothing(folder: Folder) -> None:
    folder.write(a="# A", b="# B")
    folder.sweep()
    before = {path: (d.pk, d.version) for path, d in folder.documents().items()}
    run = folder.sweep()
    assert {path: (d.pk, d.version) for path, d in folder.documents().items()} == before
    assert (run.added, run.updated, run.deleted) == (0, 0, 0)


def test_a_changed_file_waits_for_indexing_again(folder: Folder) -> None:
    folder.write(a="# A")
    folder.sweep()
    folder.write(a="# A, but longer")
    folder.changed("a.md")
    assert folder.documents()["a.md"].version == 2


def test_a_deleted_file_and_folder_are_gone(folder: Folder) -> None:
    folder.write(a="# A", finance__b="# B", finance__c="# C")
    folder.sweep()
    (folder.path / "a.md").unlink()
    shutil.rmtree(folder.path / "finance")
    folder.changed("a.md", "finance")
    assert folder.documents() == {}


def test_a_sweep_removes_what_nobody_reported(folder: Folder) -> None:
    folder.write(a="# A", b="# B")
    folder.sweep()
    (folder.path / "b.md").unlink()
    run = folder.sweep()
    assert sorted(folder.documents()) == ["a.md"]
    assert run.deleted == 1


def test_a_file_that_comes_back_is_indexed_again(folder: Folder) -> None:
    folder.write(a="# A")
    folder.sweep()
    first = folder.documents()["a.md"]
    (folder.path / "a.md").unlink()
    folder.changed("a.md")
    folder.write(a="# A")
    folder.changed("a.md")
    again = folder.documents()["a.md"]
    assert (again.pk, again.uuid) == (first.pk, first.uuid)
    assert again.version == first.version + 1


def test_only_one_of_many_workers_claims_a_run(folder: Folder) -> None:
    with tenant_context(folder.tenant):
        run = request_content_run(folder)

        def claim(_: int) -> UUID | None:
            try:
                return runs.claim(run.pk)
            finally:
                database.close()

        with ThreadPoolExecutor(8) as threads:
            contexts = [copy_context() for _ in range(8)]
            tokens = list(threads.map(lambda c: c.run(claim, 0), contexts))
    assert len([token for token in tokens if token is not None]) == 1


def test_a_silent_workers_run_is_taken_over_and_its_pages_are_refused(folder: Folder) -> None:
    folder.write(a="# A")
    with tenant_context(folder.tenant):
        run = request_content_run(folder)
        old = runs.claim(run.pk)
        assert old is not None
        assert runs.claim(run.pk) is None, "it is not silent yet"
        silent_since = timezone.now() - timedelta(seconds=runs.STALE_AFTER_S + 1)
        with transaction.atomic():
            SyncRun.objects.filter(pk=run.pk).update(heartbeat_at=silent_since)
        assert runs.claim(run.pk) is not None
        page = next(iter(providers.connector_for(folder.connection).sweep(None)))
        with pytest.raises(runs.ClaimLost):
            pages.apply(run.pk, old, page, moves_cursor=True)
    assert folder.documents() == {}


def test_a_sweep_goes_on_where_a_killed_worker_left_it(folder: Folder) -> None:
    folder.write(**{f"file{number:04}": f"# {number}" for number in range(450)})
    with tenant_context(folder.tenant):
        run = request_content_run(folder)
        token = runs.claim(run.pk)
        assert token is not None
        for number, page in enumerate(providers.connector_for(folder.connection).sweep(None)):
            pages.apply(run.pk, token, page, moves_cursor=True)
            if number == 1:
                break  # and the worker is gone
        assert 0 < len(folder.documents()) < 450
        with transaction.atomic():
            SyncRun.objects.filter(pk=run.pk).update(
                heartbeat_at=timezone.now() - timedelta(seconds=60)
            )
        folder.work_off()
        with transaction.atomic():
            run.refresh_from_db()
    assert len(folder.documents()) == 450
    assert (run.state, run.seen, run.added, run.deleted) == (RunState.SUCCEEDED, 450, 450, 0)


def test_a_reported_change_does_not_wait_for_a_long_sweep(folder: Folder) -> None:
    """The page boundary of the running sweep answers it."""
    folder.write(**{f"file{number:04}": f"# {number}" for number in range(450)})
    folder.sweep()
    (folder.path / "file0449.md").unlink()
    with tenant_context(folder.tenant):
        run = request_content_run(folder)
        runs.note_changes(folder.connection, ["file0449.md"])
        token = runs.claim(run.pk)
        assert token is not None
        engine._answer_hints(run, token, providers.connector_for(folder.connection))
        with transaction.atomic():
            assert not ChangeHint.objects.exists()
    assert "file0449.md" not in folder.documents()


def test_a_paused_connection_is_left_alone_until_it_is_resumed(folder: Folder) -> None:
    folder.write(a="# A")
    with tenant_context(folder.tenant):
        run = request_content_run(folder)
        with transaction.atomic():
            assert Connection.objects.transition(folder.connection.pk, ConnectionState.PAUSED)
        assert engine.work(run.pk) is engine.Outcome.NOT_OURS
        assert schedule.claimable_runs() == []
        with transaction.atomic():
            assert Connection.objects.transition(folder.connection.pk, ConnectionState.ACTIVE)
        folder.work_off()
    assert sorted(folder.documents()) == ["a.md"]


def test_a_source_that_is_away_deletes_nothing_and_is_tried_again(folder: Folder) -> None:
    folder.write(a="# A")
    folder.sweep()
    folder.path.rename(folder.path.with_name("unplugged"))
    with tenant_context(folder.tenant):
        run = request_content_run(folder)
        assert engine.work(run.pk) is engine.Outcome.WAITS
        with transaction.atomic():
            run.refresh_from_db()
            assert SyncEvent.objects.filter(run=run, level="error").exists()
        assert run.state == RunState.RUNNING
        assert run.not_before is not None and run.not_before > timezone.now()
        assert run.error
        folder.path.with_name("unplugged").rename(folder.path)
        with transaction.atomic():
            SyncRun.objects.filter(pk=run.pk).update(not_before=None)
        folder.work_off()
    assert sorted(folder.documents()) == ["a.md"]


def test_settings_that_cannot_work_stop_the_connection(folder: Folder) -> None:
    with tenant_context(folder.tenant):
        with transaction.atomic():
            Connection.objects.filter(pk=folder.connection.pk).update(
                settings={**folder.connection.settings, "path": "/etc"}
            )
        run = request_content_run(folder)
        assert engine.work(run.pk) is engine.Outcome.ENDED
        with transaction.atomic():
            run.refresh_from_db()
            source = Connection.objects.get(pk=folder.connection.pk)
    assert run.state == RunState.FAILED
    assert source.state == ConnectionState.NEEDS_ATTENTION
    assert source.state_reason


def test_permission_runs_are_claimed_before_content_runs(folder: Folder) -> None:
    with tenant_context(folder.tenant), transaction.atomic():
        schedule.request_sweep(folder.connection, trigger=SyncRun.Trigger.SCHEDULE)
        runs.note_changes(folder.connection, ["a.md"])
        lanes = [lane for _, lane in schedule.claimable_runs()]
    assert lanes == [Lane.PERMISSIONS, Lane.CONTENT, Lane.CONTENT]


def test_asking_twice_queues_one_run(folder: Folder) -> None:
    with tenant_context(folder.tenant):
        assert request_content_run(folder).pk == request_content_run(folder).pk
