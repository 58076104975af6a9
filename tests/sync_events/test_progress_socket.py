"""What the admin's socket pushes of syncs, and to whom, over the real Redis and server."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from django.conf import LazySettings
from django.db import transaction
from django.utils import timezone
from websockets.exceptions import ConnectionClosed, InvalidStatus

from apps.accounts.models import User
from apps.sync_events import by_hand, progress_events, progress_socket, runs
from apps.sync_events.models import Lane, SyncRun
from apps.tenants.context import tenant_context
from apps.tenants.models import Membership, Role, Tenant
from tests.chat.live import Server
from tests.sync_events.folder import Folder
from tests.sync_events.watching import about, watching
from tests.world import World, make_member

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def server(committed_world: World, settings: LazySettings) -> Iterator[Server]:
    with Server().running() as server:
        yield server


@sync_to_async
def queued(folder: Folder, trigger: SyncRun.Trigger = SyncRun.Trigger.PERSON) -> SyncRun:
    with tenant_context(folder.tenant), transaction.atomic():
        return runs.request(
            folder.connection,
            Lane.CONTENT,
            trigger=trigger,
            is_sweep=trigger != SyncRun.Trigger.POLL,
        )


@sync_to_async
def set_role(tenant: Tenant, user: User, **fields: object) -> None:
    with tenant_context(tenant), transaction.atomic():
        Membership.objects.filter(user=user).update(**fields)


@sync_to_async
def tell(folder: Folder, run: SyncRun) -> None:
    with tenant_context(folder.tenant):
        progress_events.tell(run.pk)


@sync_to_async
def work_off(folder: Folder) -> None:
    with tenant_context(folder.tenant):
        folder.work_off()


async def test_a_run_is_pushed_from_waiting_to_its_end_without_a_title(
    committed_world: World, folder: Folder, server: Server
) -> None:
    folder.write(secrets__Bonus="# Zanzibar scheme\n\nText.")
    run = await queued(folder)
    async with watching(server, committed_world.ida) as page:
        await page.watch(run.pk)
        first = await page.until(about(run.pk, "Queued"))
        assert set(first["runs"][str(run.pk)]) >= {"state", "progress", "changes", "problems"}
        await work_off(folder)
        last = await page.until(about(run.pk, "Succeeded"))
    told = last["runs"][str(run.pk)]
    assert told["unfinished"] is False
    assert "1 new" in told["changes"], "what it has changed, for those who hear it, too"
    assert "Zanzibar" not in str(page.frames) and "Bonus" not in str(page.frames)


async def test_only_what_differs_is_sent(
    committed_world: World, folder: Folder, server: Server
) -> None:
    run = await queued(folder)
    async with watching(server, committed_world.ida) as page:
        await page.watch(run.pk)
        await page.until(about(run.pk, "Queued"))

        @sync_to_async
        def cancel() -> None:
            with tenant_context(folder.tenant):
                by_hand.cancel(run, actor_id=committed_world.ida.pk)

        await cancel()
        frame = await page.until(about(run.pk, "Cancelled"))
    assert "problems" not in frame["runs"][str(run.pk)]
    assert frame["runs"][str(run.pk)]["spoken"] == "share: Cancelled"


async def test_pages_stored_by_another_process_arrive_at_most_four_times_a_second(
    committed_world: World, folder: Folder, server: Server
) -> None:
    run = await queued(folder)
    script = f"""
import time
from django.db import transaction
from apps.sync_events import progress_events, runs
from apps.tenants.context import tenant_context
with tenant_context({folder.tenant.pk}):
    token = runs.claim({run.pk})
    for seen in range(1, 40):
        with transaction.atomic():
            run = runs.locked({run.pk}, token)
            run.seen = seen
            progress_events.stored(run)
            run.save()
        time.sleep(0.05)
"""
    async with watching(server, committed_world.ida) as page:
        await page.watch(run.pk)
        await page.until(about(run.pk, "Queued"))
        worker = subprocess.Popen([sys.executable, "manage.py", "shell", "-c", script], cwd=ROOT)
        try:
            await page.until(about(run.pk, "39 seen", "progress"), timeout_s=60)
        finally:
            worker.kill()
            worker.wait()
    moments = [frame["at"] for frame in page.frames]
    gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert len(gaps) >= 3
    assert min(gaps) > 0.2, f"more than four times a second: {gaps}"


async def test_new_runs_are_told_of_but_no_looks_at_logs(
    committed_world: World, folder: Folder, server: Server
) -> None:
    async with watching(server, committed_world.ida) as page:
        await page.watch(newest=0)
        await queued(folder, SyncRun.Trigger.POLL)
        await queued(folder)
        frame = await page.until(lambda frame: "newer" in frame)
    assert frame["newer"] == 1


async def test_a_run_that_is_deleted_at_its_end_is_gone(
    committed_world: World, folder: Folder, server: Server
) -> None:
    run = await queued(folder, SyncRun.Trigger.POLL)
    async with watching(server, committed_world.ida) as page:
        await page.watch(run.pk)
        await page.until(about(run.pk))
        await work_off(folder)
        frame = await page.until(lambda frame: "gone" in frame)
    assert frame["gone"] == [run.pk]


async def test_an_operator_watches_the_tenant_that_was_entered(
    committed_world: World, folder: Folder, server: Server
) -> None:
    opal = await sync_to_async(User.objects.create_superuser)("opal@kenward.example")
    run = await queued(folder)
    with pytest.raises(InvalidStatus):
        async with watching(server, opal):
            pass
    async with watching(server, opal, entered=committed_world.umbra) as page:
        await page.watch(run.pk)
        assert (await page.until(lambda frame: True))["gone"] == [run.pk]
    async with watching(server, opal, entered=committed_world.acme) as page:
        await page.watch(run.pk)
        assert await page.until(about(run.pk, "Queued"))


async def test_auditors_watch_too(committed_world: World, folder: Folder, server: Server) -> None:
    @sync_to_async
    def auditor() -> User:
        return make_member(committed_world.acme, "otto@acme.example", role=Role.AUDITOR)

    run = await queued(folder)
    async with watching(server, await auditor()) as page:
        await page.watch(run.pk)
        assert await page.until(about(run.pk, "Queued"))


@pytest.mark.parametrize("who", ["ada", "cy", None])
async def test_members_and_strangers_get_no_socket(
    committed_world: World, server: Server, who: str | None
) -> None:
    user = getattr(committed_world, who) if who else None
    with pytest.raises(InvalidStatus) as refusal:
        async with watching(server, user):
            pass
    assert refusal.value.response.status_code == 403


async def test_page_of_another_site_opens_no_socket(committed_world: World, server: Server) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        async with watching(server, committed_world.ida, origin="https://evil.example"):
            pass
    assert refusal.value.response.status_code == 403


async def test_the_admin_of_another_tenant_hears_nothing_of_ours(
    committed_world: World, folder: Folder, server: Server
) -> None:
    @sync_to_async
    def uma() -> User:
        return make_member(committed_world.umbra, "uma@umbra.example", role=Role.IT_ADMIN)

    run = await queued(folder)
    async with watching(server, await uma()) as page:
        await page.watch(run.pk, newest=0)
        frame = await page.until(lambda frame: True)
        await work_off(folder)
        with pytest.raises(TimeoutError):
            await page.until(lambda frame: True, timeout_s=2.5)
    assert frame == {"type": "runs", "gone": [run.pk], "at": frame["at"]}


async def test_ended_membership_closes_an_open_socket_with_the_next_push(
    committed_world: World, folder: Folder, server: Server
) -> None:
    run = await queued(folder)
    async with watching(server, committed_world.ida) as page:
        await page.watch(run.pk)
        await page.until(about(run.pk, "Queued"))
        await set_role(committed_world.acme, committed_world.ida, is_active=False)
        await tell(folder, run)
        with pytest.raises(ConnectionClosed) as closing:
            await page.until(lambda frame: True)
    assert closing.value.rcvd is not None
    assert closing.value.rcvd.code == progress_socket.SIGNED_OUT


async def test_a_role_that_is_taken_away_closes_an_idle_socket_too(
    committed_world: World, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_socket, "CHECK_S", 0.3)
    async with watching(server, committed_world.ida) as page:
        await set_role(committed_world.acme, committed_world.ida, role=Role.MEMBER)
        with pytest.raises(ConnectionClosed) as closing:
            await page.until(lambda frame: True, timeout_s=5)
    assert closing.value.rcvd is not None
    assert closing.value.rcvd.code == progress_socket.NOT_ALLOWED


async def test_odd_frames_end_nothing(
    committed_world: World, folder: Folder, server: Server
) -> None:
    run = await queued(folder)
    async with watching(server, committed_world.ida) as page:
        for frame in ("", "no JSON", "[]", '{"type": "ask"}', b"\x00\x01"):
            await page.socket.send(frame)
            assert (await page.until(lambda frame: True))["code"] == "not_understood"
        await page.socket.send(
            '{"type": "watch", "runs": [true, "1", 1e9, -1, null], "newest": {}}'
        )
        await page.watch(run.pk)
        assert await page.until(about(run.pk, "Queued"))


async def test_a_source_s_wish_to_wait_is_said(
    committed_world: World, folder: Folder, server: Server
) -> None:
    run = await queued(folder)
    until = timezone.now() + timedelta(minutes=4)

    @sync_to_async
    def limited() -> None:
        from apps.connections.protocol import Problem
        from apps.sync_events import events

        with tenant_context(folder.tenant):
            token = runs.claim(run.pk)
            assert token is not None
            with transaction.atomic():
                events.record(folder.connection, Problem("", "rate_limited", "Slower."), run=run)
                runs.pause(run.pk, token, not_before=until, error="Slower.")

    async with watching(server, committed_world.ida) as page:
        await page.watch(run.pk)
        await limited()
        said = "because the source asked for it"
        frame = await page.until(about(run.pk, said, "progress"))
    assert f"{timezone.localtime(until):%H:%M}</time>" in frame["runs"][str(run.pk)]["progress"]
