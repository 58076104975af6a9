"""What a delegate of a connection sees of it, and what they can do."""

from __future__ import annotations

import re

import pytest

from apps.accounts.models import User
from apps.audit.models import Event
from apps.connections import change
from apps.connections.models import Connection, ConnectionState
from apps.sync_events.models import SyncRun
from apps.tenants.context import tenant_context
from tests.acls.shared_objects import address, make_source
from tests.world import World, signed_in


@pytest.fixture
def source(world: World) -> Connection:
    return make_source(world)


def hand(world: World, source: Connection, user: User, name: str) -> None:
    sent = {"recipient": f"person:{user.email}", "act": "grant", "level": name}
    assert signed_in(world.ida).post(address(source), sent).status_code == 302


def runs(world: World) -> int:
    with tenant_context(world.acme):
        return SyncRun.objects.count()


def test_a_delegate_sees_how_a_source_is_doing_and_nothing_of_what_is_in_it(
    world: World, source: Connection
) -> None:
    hand(world, source, world.bo, "view")
    page = signed_in(world.bo).get("/sources/").content.decode()
    for shown in ("Files", "Active", "5 minutes ago", "7 minutes ago", "minutes from now"):
        assert shown in page.replace("\xa0", " "), shown
    assert re.search(r"Items that failed</dt><dd>1</dd>", page)
    for hidden in ("Board room", "secret", "Locked", "<button", "/admin/"):
        assert hidden not in page.partition("<main")[2], hidden


@pytest.mark.parametrize("act", ["sync", "pause", "resume"])
@pytest.mark.parametrize("name", ["bo", "ida", "cy", "ada"])
def test_without_the_level_nobody_acts_on_a_source(
    world: World, source: Connection, name: str, act: str
) -> None:
    """The IT admin has the admin for that: the page goes by rows alone."""
    hand(world, source, world.bo, "view")
    client = signed_in(getattr(world, name))
    assert client.post(f"/sources/{source.uuid}/{act}").status_code == 404
    assert client.get(f"/sources/{source.uuid}/{act}").status_code == 405
    assert runs(world) == 0


def test_a_delegate_syncs_pauses_and_resumes_and_it_is_recorded(
    world: World, source: Connection
) -> None:
    hand(world, source, world.bo, "change")
    bo = signed_in(world.bo)
    bo.post(f"/sources/{source.uuid}/sync")
    assert runs(world) == 2, "permissions and content"
    page = bo.post(f"/sources/{source.uuid}/pause", follow=True).content.decode()
    assert "“Files” is paused." in page and "Resume" in page and "Sync now" not in page
    page = bo.post(f"/sources/{source.uuid}/sync", follow=True).content.decode()
    assert "resume it first" in page
    bo.post(f"/sources/{source.uuid}/resume")
    with tenant_context(world.acme):
        source.refresh_from_db()
        told = Event.objects.filter(actor=world.bo).values_list("action", flat=True)
        assert source.state == "active"
        assert {"connection.paused", "connection.resumed"} <= set(told)


def test_a_delegate_resumes_only_what_a_delegate_has_paused(
    world: World, source: Connection
) -> None:
    hand(world, source, world.bo, "change")
    bo = signed_in(world.bo)

    def after_resuming() -> str:
        page = bo.post(f"/sources/{source.uuid}/resume", follow=True).content.decode()
        source.refresh_from_db()
        if source.state != "active":
            assert "ask your IT team" in page and ">Resume<" not in page
        return source.state

    with tenant_context(world.acme):
        change.pause(connection=source, actor=world.ida)
        assert after_resuming() == "paused"
        change.resume(connection=source, actor=world.ida)
        bo.post(f"/sources/{source.uuid}/pause")
        assert change.pause(connection=source, actor=world.ida), "it is the admin's from now on"
        assert after_resuming() == "paused"
        change.resume(connection=source, actor=world.ida)
        Connection.objects.transition(source.pk, ConnectionState.NEEDS_ATTENTION)
        bo.post(f"/sources/{source.uuid}/pause")
        assert after_resuming() == "needs_attention"
        change.resume(connection=source, actor=world.ida)
        bo.post(f"/sources/{source.uuid}/pause")
        assert after_resuming() == "active"


def test_a_delegate_gets_neither_the_admin_nor_another_source(
    world: World, source: Connection
) -> None:
    hand(world, source, world.bo, "change")
    bo = signed_in(world.bo)
    with tenant_context(world.acme):
        other = Connection.objects.get(name="Board room")
    assert bo.get("/admin/").status_code in (302, 403)
    assert bo.post(f"/sources/{other.uuid}/pause").status_code == 404


def test_a_source_taken_away_is_gone_with_the_next_request(
    world: World, source: Connection
) -> None:
    hand(world, source, world.bo, "change")
    sent = {"recipient": "person:bo@acme.example", "act": "revoke"}
    signed_in(world.ida).post(address(source), sent)
    bo = signed_in(world.bo)
    assert "No source is shared with you" in bo.get("/sources/").content.decode()
    assert bo.post(f"/sources/{source.uuid}/pause").status_code == 404
