"""An IT admin adds, changes, pauses and resumes a folder in the admin; nobody else does."""

from __future__ import annotations

from typing import Any

import pytest

from apps.audit.models import Event
from apps.connections.forms import connection_form
from apps.connections.models import Connection, ConnectionState
from apps.tenants.context import tenant_context
from apps.tenants.models import Role
from tests.connections.folders import Share
from tests.world import World, make_member, signed_in

URL = "/admin/connections/connection/"


def entered(share: Share, **more: Any) -> dict[str, Any]:
    return {
        "name": "Handbook",
        "path": str(share.folder),
        "access": "all_members",
        "audience": "",
        "sweep_interval_s": "900",
        **more,
    }


@pytest.fixture
def connection(world: World, share: Share) -> Connection:
    response = signed_in(world.ida).post(f"{URL}add/", entered(share))
    assert response.status_code == 302, response.context["errors"]
    with tenant_context(world.acme):
        return Connection.objects.get()


def test_an_it_admin_adds_a_folder(world: World, connection: Connection) -> None:
    assert connection.realm == f"file_share:{connection.uuid}"
    assert connection.created_by == world.ida
    page = signed_in(world.ida).get(URL).content.decode()
    assert "Handbook" in page and "Folder" in page and "Active" in page
    with tenant_context(world.acme):
        (event,) = Event.objects.filter(action__startswith="connection.")
        assert (event.action, event.actor) == ("connection.created", world.ida)


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ({"path": "/etc"}, "outside the folders that may be connected"),
        ({"path": ""}, "This field is required"),
        ({"name": ""}, "This field is required"),
        ({"access": "listed"}, "List at least one person"),
        ({"access": "listed", "audience": "ada\nbo@x.example"}, "not an e-mail address"),
        ({"sweep_interval_s": "1"}, "Choose between 60"),
    ],
)
def test_what_cannot_work_is_shown_at_its_field(
    world: World, share: Share, entry: dict[str, str], complaint: str
) -> None:
    response = signed_in(world.ida).post(f"{URL}add/", entered(share, **entry))
    assert response.status_code == 200
    assert complaint in response.content.decode()
    with tenant_context(world.acme):
        assert not Connection.objects.exists()


def test_a_folder_that_is_away_is_told_when_saving(world: World, share: Share) -> None:
    missing = str(share.folder / "missing")
    response = signed_in(world.ida).post(f"{URL}add/", entered(share, path=missing))
    assert "The connected folder is not there" in response.content.decode()


def test_an_it_admin_changes_the_audience(
    world: World, share: Share, connection: Connection
) -> None:
    client = signed_in(world.ida)
    page = client.get(f"{URL}{connection.pk}/change/").content.decode()
    assert str(share.folder) in page
    asked = entered(share, access="listed", audience="bo@acme.example, Ada@acme.example")
    assert client.post(f"{URL}{connection.pk}/change/", asked).status_code == 302
    with tenant_context(world.acme):
        stored = Connection.objects.get()
        assert stored.settings["audience"] == ["ada@acme.example", "bo@acme.example"]
        event = Event.objects.get(action="connection.changed")
        assert event.details == {"changed": ["settings"]}
    page = client.get(f"{URL}{connection.pk}/change/").content.decode()
    assert "ada@acme.example\nbo@acme.example" in page


def test_the_folder_of_a_connection_is_shown_and_stays(
    world: World, share: Share, connection: Connection
) -> None:
    client = signed_in(world.ida)
    other = share.folder.with_name("other")
    other.mkdir()
    form = client.get(f"{URL}{connection.pk}/change/").context["adminform"].form
    assert form["path"].field.disabled
    assert form["path"].value() == str(share.folder)
    asked = entered(share, name="Renamed", path=str(other))
    assert client.post(f"{URL}{connection.pk}/change/", asked).status_code == 302
    del asked["path"]  # what a browser sends of a field that cannot be edited
    asked["access"] = "manifest"
    assert client.post(f"{URL}{connection.pk}/change/", asked).status_code == 302
    with tenant_context(world.acme):
        stored = Connection.objects.get()
    assert (stored.name, stored.settings["access"]) == ("Renamed", "manifest")
    assert stored.settings["path"] == str(share.folder)


def test_a_name_that_is_taken_is_refused(
    world: World, share: Share, connection: Connection
) -> None:
    response = signed_in(world.ida).post(f"{URL}add/", entered(share))
    assert "Another connection has this name" in response.content.decode()


def test_pause_and_resume(world: World, connection: Connection) -> None:
    client = signed_in(world.ida)
    for action, state in (
        ("pause", ConnectionState.PAUSED),
        ("pause", ConnectionState.PAUSED),
        ("resume", ConnectionState.ACTIVE),
    ):
        asked = {"action": action, "_selected_action": [connection.pk]}
        assert client.post(URL, asked).status_code == 302
        with tenant_context(world.acme):
            assert Connection.objects.get().state == state
    with tenant_context(world.acme):
        assert Event.objects.filter(action="connection.paused").count() == 1
        assert Event.objects.filter(action="connection.resumed").count() == 1


def test_an_auditor_sees_the_settings_and_changes_nothing(
    world: World, share: Share, connection: Connection
) -> None:
    client = signed_in(make_member(world.acme, "rex@acme.example", role=Role.AUDITOR))
    page = client.get(f"{URL}{connection.pk}/change/").content.decode()
    assert str(share.folder) in page
    assert client.get(f"{URL}add/").status_code == 403
    assert client.post(f"{URL}{connection.pk}/change/", entered(share)).status_code == 403
    client.post(URL, {"action": "pause", "_selected_action": [connection.pk]})
    with tenant_context(world.acme):
        assert Connection.objects.get().state == ConnectionState.ACTIVE


def test_nobody_deletes_a_connection(world: World, connection: Connection) -> None:
    assert signed_in(world.ida).post(f"{URL}{connection.pk}/delete/").status_code == 403


def test_members_and_other_tenants_see_nothing(world: World, connection: Connection) -> None:
    for person in (world.ada, world.bo):
        for path in (URL, f"{URL}add/", f"{URL}{connection.pk}/change/"):
            response = signed_in(person).get(path, follow=True)
            assert response.status_code == 403
            assert "Handbook" not in response.content.decode()
    theirs = make_member(world.umbra, "ivo@umbra.example", role=Role.IT_ADMIN)
    client = signed_in(theirs)
    assert "Handbook" not in client.get(URL).content.decode()
    assert (
        "Handbook" not in client.get(f"{URL}{connection.pk}/change/", follow=True).content.decode()
    )


def test_what_is_true_or_false_is_a_switch_and_no_text(world: World, share: Share) -> None:
    asked = connection_form("file_share", tenant_slug=world.acme.slug)
    assert asked.base_fields["others_are_members"].widget.input_type == "checkbox"
    client = signed_in(world.ida)
    for ticked, is_kept in ((None, False), ("on", True)):
        told = {} if ticked is None else {"others_are_members": ticked}
        sent = entered(share, name=f"Share {ticked}", access="posix", **told)
        assert client.post(f"{URL}add/", sent).status_code == 302
        with tenant_context(world.acme):
            stored = Connection.objects.get(name=f"Share {ticked}").settings
        assert stored["others_are_members"] is is_kept
