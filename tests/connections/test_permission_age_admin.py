"""The age of permissions on a connection's page: what an admin sets, and what it says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.audit.models import Event
from apps.connections import ages
from apps.connections.models import Connection, ConnectionState, WhenStale
from apps.tenants.context import tenant_context
from tests.connections.folders import Share
from tests.connections.test_connection_admin import URL, entered
from tests.world import World, signed_in


@pytest.fixture
def connection(world: World, share: Share) -> Connection:
    response = signed_in(world.ida).post(f"{URL}add/", entered(share))
    assert response.status_code == 302, response.context["errors"]
    with tenant_context(world.acme):
        return Connection.objects.get()


def saved(world: World, share: Share, connection: Connection, **more: Any) -> str:
    """Save the connection's page and return what is shown if something is wrong."""
    response = signed_in(world.ida).post(f"{URL}{connection.pk}/change/", entered(share, **more))
    with tenant_context(world.acme):
        connection.refresh_from_db()
    return "" if response.status_code == 302 else response.content.decode()


def test_an_admin_sets_age_consequence_and_hold(
    world: World, share: Share, connection: Connection
) -> None:
    assert connection.permissions_max_age_s == 3600
    assert connection.when_stale == WhenStale.HIDE
    chosen = {"permissions_max_age_s": "120", "when_stale": "check", "hold_above": "50"}
    assert not saved(world, share, connection, **chosen)
    assert (connection.permissions_max_age_s, connection.hold_above) == (120, 50)
    assert connection.when_stale == WhenStale.CHECK
    with tenant_context(world.acme):
        event = Event.objects.filter(action="connection.changed").latest("pk")
    assert set(event.details["changed"]) == {*chosen}


@pytest.mark.parametrize("age_s", [59, 7 * 24 * 3600 + 1])
def test_the_age_has_limits(world: World, share: Share, connection: Connection, age_s: int) -> None:
    shown = saved(world, share, connection, permissions_max_age_s=str(age_s))
    assert "Choose between 60 and 604800 seconds" in shown
    assert connection.permissions_max_age_s == 3600


def test_a_folder_can_be_asked_and_an_unknown_kind_cannot() -> None:
    assert ages.can_be_asked("file_share")
    assert not ages.can_be_asked("fax")


@pytest.mark.parametrize(
    ("age", "fields", "said"),
    [
        (None, {}, "hidden until they are"),
        (timedelta(minutes=3), {}, "confirmed again before"),
        (timedelta(minutes=3), {"state": ConnectionState.PAUSED}, "then its documents are hidden"),
        (timedelta(hours=2), {}, "hidden until they are confirmed"),
        (timedelta(hours=2), {"when_stale": WhenStale.CHECK}, "asked about each document now"),
    ],
)
def test_the_page_says_until_when_documents_stay_visible(
    world: World,
    connection: Connection,
    age: timedelta | None,
    fields: dict[str, Any],
    said: str,
) -> None:
    confirmed_at = None if age is None else timezone.now() - age
    with tenant_context(world.acme):
        Connection.objects.update(permissions_confirmed_at=confirmed_at, **fields)
    page = signed_in(world.ida).get(f"{URL}{connection.pk}/change/").content.decode()
    assert said in page
    listed = signed_in(world.ida).get(URL).content.decode()
    assert ("Not confirmed" in listed) == (age is None)
    assert ("Too old" in listed) == (age == timedelta(hours=2))
