"""Who confirms permissions and when, and what is readable meanwhile: with a real folder's rows."""

from __future__ import annotations

import shutil
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.acls.models import Placement
from apps.connections import create, providers
from apps.connections.models import Connection, ConnectionState, WhenStale
from apps.documents import access
from apps.sync_events import pages, runs, schedule
from apps.sync_events.models import Lane, RunState, SyncRun
from apps.sync_events.tasks import wake_work
from apps.tenants.context import tenant_context
from tests.sync_events.folder import Folder, connect
from tests.world import World


def readable(folder: Folder, user: User) -> bool:
    with tenant_context(folder.tenant), transaction.atomic():
        document = next(iter(folder.documents().values()))
        return access.can_read(user, document)


def let_pass(folder: Folder, how_long: timedelta, *, attended: bool = True) -> None:
    """Make the last confirmation older, and the scheduler's last visit too unless it was there."""
    with tenant_context(folder.tenant), transaction.atomic():
        folder.connection.refresh_from_db()
        confirmed_at = folder.connection.permissions_confirmed_at
        assert confirmed_at is not None
        mine = Connection.objects.filter(pk=folder.connection.pk)
        mine.update(permissions_confirmed_at=confirmed_at - how_long)
        if not attended:
            at = Placement.objects.get().attended_at
            Placement.objects.update(attended_at=at - how_long)


def work_off(folder: Folder) -> None:
    with tenant_context(folder.tenant):
        folder.work_off()


def due(folder: Folder) -> int:
    with tenant_context(folder.tenant):
        return schedule.request_due_permission_sweeps()


def age(folder: Folder) -> timedelta:
    with tenant_context(folder.tenant), transaction.atomic():
        folder.connection.refresh_from_db()
    assert folder.connection.permissions_confirmed_at is not None
    return timezone.now() - folder.connection.permissions_confirmed_at


@pytest.fixture
def synced(folder: Folder) -> Folder:
    folder.write(plan="# Plan")
    folder.sweep()
    return folder


def test_nothing_counts_before_the_first_look_and_all_after_it(folder: Folder) -> None:
    assert folder.connection.permissions_confirmed_at is None
    folder.write(plan="# Plan")
    before = timezone.now()
    folder.sweep()
    assert age(folder) <= timezone.now() - before


def test_permissions_are_looked_at_twice_within_their_age(synced: Folder) -> None:
    with tenant_context(synced.tenant), transaction.atomic():
        Connection.objects.update(permissions_max_age_s=600)
    let_pass(synced, timedelta(seconds=298))
    assert due(synced) == 0
    let_pass(synced, timedelta(seconds=3))
    assert due(synced) == 1
    assert due(synced) == 0  # one waits already
    work_off(synced)
    assert age(synced) < timedelta(seconds=60)
    with tenant_context(synced.tenant), transaction.atomic():
        assert SyncRun.objects.latest("pk").lane == Lane.PERMISSIONS


def test_never_more_rarely_than_everything_is_compared(synced: Folder) -> None:
    with tenant_context(synced.tenant), transaction.atomic():
        Connection.objects.update(permissions_max_age_s=604_800, sweep_interval_s=900)
        synced.connection.refresh_from_db()
    assert schedule.permission_period(synced.connection) == timedelta(minutes=15)


def test_a_look_that_fails_is_tried_again_and_confirms_nothing(
    synced: Folder, committed_world: World
) -> None:
    let_pass(synced, timedelta(hours=1))
    away = synced.path.with_name("away")
    synced.path.rename(away)
    assert due(synced) == 1
    work_off(synced)
    assert age(synced) > timedelta(minutes=59) and not readable(synced, committed_world.ada)
    with tenant_context(synced.tenant), transaction.atomic():
        waiting = SyncRun.objects.get(lane=Lane.PERMISSIONS, state=RunState.RUNNING)
        assert waiting.not_before is not None and waiting.error
        SyncRun.objects.filter(pk=waiting.pk).update(not_before=timezone.now())
    away.rename(synced.path)
    work_off(synced)
    assert readable(synced, committed_world.ada)


def test_a_paused_connection_does_not_freeze_access_open(
    synced: Folder, committed_world: World
) -> None:
    with tenant_context(synced.tenant), transaction.atomic():
        Connection.objects.update(state=ConnectionState.PAUSED)
    assert readable(synced, committed_world.ada)
    let_pass(synced, timedelta(hours=1))
    assert due(synced) == 0 and not readable(synced, committed_world.ada)


def test_after_a_stop_permissions_are_confirmed_before_anything_is_shown(
    synced: Folder, committed_world: World
) -> None:
    assert readable(synced, committed_world.ada)
    let_pass(synced, timedelta(minutes=2), attended=False)
    wake_work()
    assert not readable(synced, committed_world.ada)
    with tenant_context(synced.tenant), transaction.atomic():
        first = SyncRun.objects.get(state=RunState.QUEUED)
        assert first.lane == Lane.PERMISSIONS
    work_off(synced)
    assert readable(synced, committed_world.ada)
    wake_work()
    assert readable(synced, committed_world.ada)


def test_while_nobody_looks_after_a_tenant_nothing_is_shown(
    synced: Folder, committed_world: World
) -> None:
    let_pass(synced, timedelta(minutes=15), attended=False)
    assert not readable(synced, committed_world.ada)


def test_what_is_too_old_is_asked_of_the_source_where_the_admin_chose_so(
    folder: Folder, committed_world: World
) -> None:
    path = folder.path.with_name("ruled")
    path.mkdir()
    rules = "version: 1\nfolders: {./: {readers: [ada@acme.example, bo@acme.example]}}\n"
    (path / "kenward.yaml").write_text(rules)
    ruled = connect(committed_world.acme, path, access="manifest")
    ruled.write(plan="# Plan")
    ruled.sweep()
    with tenant_context(ruled.tenant), transaction.atomic():
        Connection.objects.filter(pk=ruled.connection.pk).update(when_stale=WhenStale.CHECK)
    let_pass(ruled, timedelta(hours=2))
    assert readable(ruled, committed_world.ada) and readable(ruled, committed_world.bo)
    assert not readable(ruled, committed_world.ida)
    # The source says no now, and Kenward does not know it yet.
    (path / "kenward.yaml").write_text(rules.replace("ada@acme.example, ", ""))
    assert not readable(ruled, committed_world.ada) and readable(ruled, committed_world.bo)
    shutil.rmtree(path)  # no answer is no
    assert not readable(ruled, committed_world.bo)


def test_a_sweep_of_content_confirms_nothing_before_the_readers_of_its_files_are_read(
    folder: Folder, committed_world: World
) -> None:
    path = folder.path.with_name("by-mode")
    path.mkdir(mode=0o755)
    made = create.create(
        tenant=committed_world.acme,
        actor=None,
        kind="file_share",
        name="by mode",
        settings={
            "path": str(path), "access": "posix", "audience": [], "others_are_members": True,
        },
    )  # fmt: skip
    swept = Folder(path, committed_world.acme, made)
    swept.write(pay="# Pay")
    (path / "pay.md").chmod(0o644)
    swept.sweep()
    assert readable(swept, committed_world.ada)
    (path / "pay.md").chmod(0o600)
    with tenant_context(swept.tenant):
        with transaction.atomic():
            Connection.objects.filter(pk=made.pk).update(permissions_confirmed_at=None)
            run = runs.request(made, Lane.CONTENT, trigger=SyncRun.Trigger.CHANGE, is_sweep=True)
        token = runs.claim(run.pk)
        assert token is not None
        first = next(iter(providers.connector_for(made).sweep(None)))
        assert first.are_acls_complete and not first.items
        pages.apply(run.pk, token, first, moves_cursor=True)
    assert not readable(swept, committed_world.ada)
