"""Runs that get nowhere are told of, once; runs that wait on purpose are not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from apps.audit.models import Event
from apps.sync_events import runs, schedule, stuck
from apps.sync_events.models import Lane, RunState, SyncEvent, SyncRun
from apps.tenants.context import tenant_context
from tests.sync_events.folder import Folder

LONG_AGO = timedelta(minutes=11)


def make(folder: Folder, **fields: Any) -> SyncRun:
    with tenant_context(folder.tenant), transaction.atomic():
        run = runs.request(folder.connection, Lane.CONTENT, trigger=SyncRun.Trigger.SCHEDULE)
        SyncRun.objects.filter(pk=run.pk).update(**fields)
        run.refresh_from_db()
    return run


def told(folder: Folder) -> list[str]:
    with tenant_context(folder.tenant), transaction.atomic():
        return list(SyncEvent.objects.filter(code="stuck").values_list("message", flat=True))


@pytest.mark.parametrize(
    ("state", "field", "words"),
    [
        (RunState.RUNNING, "progressed_at", "stored nothing"),
        (RunState.RUNNING, "started_at", "stored nothing"),
        (RunState.QUEUED, "created_at", "No worker has begun"),
    ],
)
def test_a_run_that_gets_nowhere_is_told_of_once(
    folder: Folder, state: RunState, field: str, words: str
) -> None:
    past = timezone.now() - LONG_AGO
    run = make(folder, **{"state": state, "created_at": past, field: past})
    with tenant_context(folder.tenant):
        assert stuck.tell() == 1
        assert stuck.tell() == 0
        with transaction.atomic():
            run.refresh_from_db()
            assert run.stuck_at is not None
            assert Event.objects.filter(action="sync.stuck").count() == 1
    (message,) = told(folder)
    assert words in message


def test_a_run_that_stores_something_again_is_stuck_no_more(folder: Folder) -> None:
    folder.write(a="# A")
    past = timezone.now() - LONG_AGO
    with tenant_context(folder.tenant):
        with transaction.atomic():
            run = schedule.request_sweep(folder.connection, trigger=SyncRun.Trigger.SCHEDULE)
            SyncRun.objects.update(created_at=past)
        assert stuck.tell() == 2
        folder.work_off()
        with transaction.atomic():
            run.refresh_from_db()
    assert (run.state, run.stuck_at) == (RunState.SUCCEEDED, None)


def test_who_works_waits_for_a_source_or_is_paused_is_not_stuck(folder: Folder) -> None:
    now = timezone.now()
    past = now - LONG_AGO
    with tenant_context(folder.tenant):
        make(folder, state=RunState.RUNNING, created_at=past, progressed_at=now)
        assert stuck.tell() == 0
        with transaction.atomic():
            SyncRun.objects.update(progressed_at=past, not_before=now + timedelta(minutes=5))
        assert stuck.tell() == 0, "its source asked it to wait"
        with transaction.atomic():
            SyncRun.objects.update(not_before=None, state=RunState.SUCCEEDED)
        assert stuck.tell() == 0
