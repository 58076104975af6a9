from __future__ import annotations

import threading
from contextvars import copy_context
from datetime import timedelta

from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from apps.connections.models import Connection
from apps.sync_events import by_hand, runs, schedule
from apps.sync_events.models import ChangeHint, Lane, RunState, SyncRun
from apps.tenants.context import tenant_context
from tests.sync_events.folder import Folder
from tests.world import World


def test_a_new_connection_is_due_at_once_and_then_after_its_period(folder: Folder) -> None:
    with tenant_context(folder.tenant):
        assert schedule.request_due_sweeps() == 1
        assert schedule.request_due_sweeps() == 0, "one is queued already"
        folder.work_off()
        assert schedule.request_due_sweeps() == 0
        with transaction.atomic():
            Connection.objects.update(last_swept_at=timezone.now() - timedelta(seconds=901))
        assert schedule.request_due_sweeps() == 1


def test_a_cancelled_sweep_is_not_queued_again_at_once(
    folder: Folder, committed_world: World
) -> None:
    with tenant_context(folder.tenant):
        schedule.request_due_sweeps()
        with transaction.atomic():
            queued = list(SyncRun.objects.filter(connection=folder.connection))
        assert [by_hand.cancel(run, actor_id=committed_world.ida.pk) for run in queued] == [
            True
        ] * 2
        assert schedule.request_due_sweeps() == 0


def test_a_failed_sweep_is_left_alone_for_a_minute(folder: Folder) -> None:
    with tenant_context(folder.tenant):
        schedule.request_due_sweeps()
        now = timezone.now()
        with transaction.atomic():
            SyncRun.objects.update(state=RunState.FAILED, finished_at=now)
        assert schedule.request_due_sweeps() == 0
        with transaction.atomic():
            SyncRun.objects.update(finished_at=now - timedelta(seconds=61))
        assert schedule.request_due_sweeps() == 1


def test_a_change_noted_while_a_worker_claims_is_not_forgotten(folder: Folder) -> None:
    """The waiting run is claimed by somebody else before the noting transaction commits."""
    folder.write(a="# A")
    folder.sweep()
    (folder.path / "a.md").unlink()
    with tenant_context(folder.tenant):
        runs.note_changes(folder.connection, ["b.md"])

        def work() -> None:
            try:
                folder.work_off()
            finally:
                database.close()

        with transaction.atomic():
            runs.note_changes(folder.connection, ["a.md"])
            other = threading.Thread(target=copy_context().run, args=(work,))
            other.start()
            other.join(timeout=1)
        other.join(timeout=30)
        schedule.request_for_hints()
        folder.work_off()
    assert folder.documents() == {}


def test_hints_without_a_run_get_one(folder: Folder) -> None:
    with tenant_context(folder.tenant):
        with transaction.atomic():
            ChangeHint.objects.create(
                tenant=folder.tenant,
                connection=folder.connection,
                lane=Lane.CONTENT,
                external_id="a.md",
            )
        assert schedule.request_for_hints() == 1
        assert schedule.request_for_hints() == 0
        folder.work_off()
        with transaction.atomic():
            assert not ChangeHint.objects.exists()
