"""An IT admin sets up how accounts are connected, connects one, chooses, starts, disconnects."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.test import Client

from apps.audit.models import Event
from apps.connections.models import AuthConfig, Connection, ConnectionState, Credential
from apps.ops.sandbox.drive.company import DriveCompany
from apps.sync_events.models import SyncRun
from apps.tenants.models import Role
from tests.acls.reads import inside
from tests.connections.accounts.joined import CALLBACK, Source, joined, own_connection
from tests.connections.accounts.source import KIND, READ
from tests.world import World, make_member, signed_in

CONFIGS = "/admin/connections/authconfig/"
CONNECTIONS = "/admin/connections/connection/"
SECRET = "a secret that nobody sees again"


@pytest.fixture
def world(committed_world: World) -> World:
    """Return the people, committed: tokens are looked after in transactions of their own."""
    return committed_world


def entered(**more: Any) -> dict[str, Any]:
    return {
        "name": "Desks",
        "method": "oauth",
        "client_id": "kenward",
        "client_secret": SECRET,
        "is_active": "on",
        **more,
    }


def config_of(world: World) -> AuthConfig:
    with inside(world.acme):
        return AuthConfig.objects.get()


def connected(world: World, source: Source, config: AuthConfig) -> tuple[Client, Connection]:
    ida = signed_in(world.ida)
    joined(ida, source, config, "ida@example.com", name="Company desks")
    with inside(world.acme):
        return ida, Connection.objects.get()


def test_an_it_admin_adds_a_configuration_and_sees_its_secret_never_again(
    world: World, source: Source
) -> None:
    ida = signed_in(world.ida)
    page = ida.get(f"{CONFIGS}add/?kind={KIND}").content.decode()
    assert "Make a client of the type" in page and f"http://testserver{CALLBACK}" in page
    response = ida.post(f"{CONFIGS}add/?kind={KIND}", entered(is_for_employees="on"))
    assert response.status_code == 302, response.context["errors"]
    config = config_of(world)
    assert (config.kind, config.client_secret, config.is_for_employees) == (KIND, SECRET, True)
    for path in (CONFIGS, f"{CONFIGS}{config.pk}/change/"):
        page = ida.get(path).content.decode()
        assert "Desks" in page and SECRET not in page
    assert "It is set, and shown to nobody." in page
    with inside(world.acme):
        trail = [str(event.details) for event in Event.objects.all()]
    assert any("client_secret" in each for each in trail), "that it was set is told"
    assert not any(SECRET in each for each in trail)


def test_an_empty_secret_stays_and_another_takes_its_place(world: World, source: Source) -> None:
    ida = signed_in(world.ida)
    ida.post(f"{CONFIGS}add/?kind={KIND}", entered())
    change = f"{CONFIGS}{config_of(world).pk}/change/"
    assert ida.post(change, entered(client_secret="", name="Renamed")).status_code == 302
    assert (config_of(world).client_secret, config_of(world).name) == (SECRET, "Renamed")
    assert ida.post(change, entered(client_secret="another")).status_code == 302
    assert config_of(world).client_secret == "another"


def test_a_form_that_is_refused_does_not_show_the_secret_again(
    world: World, source: Source
) -> None:
    response = signed_in(world.ida).post(f"{CONFIGS}add/?kind={KIND}", entered(client_id=""))
    page = response.content.decode()
    assert response.status_code == 200 and "The source gives it" in page
    assert SECRET not in page


def test_addresses_may_lead_only_where_the_operator_allows(world: World, source: Source) -> None:
    ida = signed_in(world.ida)
    url = f"{CONFIGS}add/?kind={KIND}"
    assert 'name="endpoint_api"' in ida.get(url).content.decode()
    refused = ida.post(url, entered(endpoint_api="https://169.254.169.254/"))
    assert "Kenward may not ask 169.254.169.254" in refused.content.decode()
    assert ida.post(url, entered(endpoint_api=source.base)).status_code == 302
    assert config_of(world).endpoints == {"api": source.base}


def test_without_such_hosts_the_addresses_are_not_offered(
    world: World, source: Source, settings: Any
) -> None:
    settings.KENWARD_SOURCE_HOSTS = []
    ida = signed_in(world.ida)
    url = f"{CONFIGS}add/?kind={KIND}"
    assert "endpoint_" not in ida.get(url).content.decode()
    assert ida.post(url, entered(endpoint_api=source.base)).status_code == 302
    assert config_of(world).endpoints == {}


def test_an_auditor_sees_what_is_set_and_no_secret(world: World, source: Source) -> None:
    config = source.config(world.acme, signing_secret="signed with this")
    rex = signed_in(make_member(world.acme, "rex@acme.example", role=Role.AUDITOR))
    page = rex.get(f"{CONFIGS}{config.pk}/change/").content.decode()
    assert "Set: client secret, signing secret" in page
    assert source.client_secret not in page and "signed with this" not in page
    assert rex.post(f"{CONFIGS}{config.pk}/change/", entered()).status_code == 403
    assert rex.get(f"{CONFIGS}add/").status_code == 403


@pytest.mark.parametrize("name", ["ada", "cy"])
def test_members_see_no_configuration(world: World, source: Source, name: str) -> None:
    config = source.config(world.acme)
    response = signed_in(getattr(world, name)).get(f"{CONFIGS}{config.pk}/change/", follow=True)
    assert response.status_code == 403


def test_a_configuration_with_accounts_keeps_its_way_in(world: World, source: Source) -> None:
    config = source.config(world.acme)
    ida, _ = connected(world, source, config)
    told = {f"endpoint_{name}": url for name, url in source.endpoints.items()}
    sent = entered(method="api_key", client_secret="", **told)
    assert ida.post(f"{CONFIGS}{config.pk}/change/", sent).status_code == 302
    assert config_of(world).method == "oauth"


def test_from_the_account_to_the_first_sync(world: World, source: Source) -> None:
    plans = source.company.add_folder("Plans", owner="ida@example.com")
    config = source.config(world.acme)
    page = signed_in(world.ida).get(f"{CONNECTIONS}add/?kind={KIND}").content.decode()
    assert "Connect account" in page and f"/connectors/oauth/start/{config.uuid}/" in page
    ida, connection = connected(world, source, config)
    assert connection.state == ConnectionState.PAUSED
    change = f"{CONNECTIONS}{connection.pk}/change/"
    page = ida.get(change).content.decode()
    assert "Choose what to sync" in page and "ida@example.com, by Desks" in page
    assert "Start syncing" not in page, "the page on which it is chosen starts it"
    choose = f"{CONNECTIONS}{connection.pk}/choose/"
    assert "Plans" in ida.get(choose).content.decode()
    response = ida.post(choose, {"picked": [plans], "start": ""})
    assert response["Location"] == change
    with inside(world.acme):
        connection.refresh_from_db()
        assert (connection.state, connection.settings["folders"]) == ("active", [plans])
        assert SyncRun.objects.count() == 2
        actions = set(Event.objects.values_list("action", flat=True))
    assert {"connection.changed", "connection.resumed", "sync.requested"} <= actions


def test_settings_and_times_are_changed_on_the_connection_s_page(
    world: World, source: Source
) -> None:
    ida, connection = connected(world, source, source.config(world.acme))
    change = f"{CONNECTIONS}{connection.pk}/change/"
    sent = {"name": "Desks of all", "sweep_interval_s": "3600", "admin": "", "hold_above": ""}
    quiet = {"quiet_from": "22:00", "quiet_until": "06:00", "quiet_zone": "Europe/Berlin"}
    response = ida.post(change, {**sent, **quiet})
    assert response.status_code == 302, response.context["errors"]
    with inside(world.acme):
        connection.refresh_from_db()
    assert (connection.name, connection.sweep_interval_s) == ("Desks of all", 3600)
    assert f"{connection.quiet_from:%H:%M}–{connection.quiet_until:%H:%M}" == "22:00–06:00"
    assert (connection.quiet_zone, connection.settings["archived"]) == ("Europe/Berlin", False)


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ({"quiet_from": "22:00"}, "Say both when the quiet hours begin and when they end"),
        ({"quiet_until": "06:00"}, "Say both"),
        ({"quiet_from": "22:00", "quiet_until": "22:00"}, "Choose another time"),
        ({"quiet_zone": "Atlantis/Centre"}, "Select a valid choice"),
    ],
)
def test_quiet_hours_that_make_no_sense_are_refused(
    world: World, source: Source, entry: dict[str, str], complaint: str
) -> None:
    ida, connection = connected(world, source, source.config(world.acme))
    sent = {"name": "Desks", "sweep_interval_s": "900", "hold_above": "", **entry}
    page = ida.post(f"{CONNECTIONS}{connection.pk}/change/", sent)
    assert complaint in page.content.decode()


def test_a_service_account_is_checked_at_once(world: World, source: Source) -> None:
    company: DriveCompany = source.company
    account = company.add_service_account(scopes=[READ])
    config = source.config(world.acme, method="service_account", client_id="", client_secret="")
    ida = signed_in(world.ida)
    url = f"{CONNECTIONS}add/?kind={KIND}"
    key = json.dumps(account.key_file(source.base))
    sent = {"config": str(config.uuid), "name": "All desks", "key": key}
    for wrong, complaint in (
        ({"key": "{}"}, "This is not the key of a service account."),
        ({"key": "no JSON"}, "This is not the key of a service account."),
        ({"acting_for": "nobody@example.com"}, "does not let the service account act for nobody"),
    ):
        page = ida.post(url, {**sent, "acting_for": "ida@example.com", **wrong}).content.decode()
        assert complaint in page
        assert account.private_key.splitlines()[1] not in page, "the key is not shown again"
    response = ida.post(url, {**sent, "acting_for": "ida@example.com"})
    assert response.status_code == 302
    with inside(world.acme):
        credential, connection = Credential.objects.get(), Connection.objects.get()
    assert credential.subject == account.email
    assert connection.settings["admin"] == "ida@example.com"
    assert connection.state == ConnectionState.PAUSED


def test_an_api_key_that_opens_nothing_is_refused(world: World, source: Source) -> None:
    config = source.config(world.acme, method="api_key", client_id="", client_secret="")
    ida = signed_in(world.ida)
    url = f"{CONNECTIONS}add/?kind={KIND}"
    sent = {"config": str(config.uuid), "name": "Desk", "key": "made-up-key"}
    page = ida.post(url, sent).content.decode()
    assert "does not accept the account" in page and "made-up-key" not in page
    sent["key"] = source.company.sign_in("ida@example.com")
    assert ida.post(url, sent).status_code == 302
    with inside(world.acme):
        assert Credential.objects.get().subject == "ida@example.com"


def test_an_app_needs_its_private_key(world: World, source: Source) -> None:
    ida = signed_in(world.ida)
    url = f"{CONFIGS}add/?kind={KIND}"
    page = ida.post(url, entered(method="app")).content.decode()
    assert "This is not the private key of an app." in page
    pem = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    assert ida.post(url, entered(method="app", client_secret=pem.decode())).status_code == 302
    page = ida.get(f"{CONFIGS}{config_of(world).pk}/change/").content.decode()
    assert "PRIVATE KEY" not in page


def test_an_own_account_is_shown_and_can_only_be_disconnected(world: World, source: Source) -> None:
    config = source.config(world.acme)
    connection = own_connection(signed_in(world.ada), source, config)
    ida = signed_in(world.ida)
    page = ida.get(CONNECTIONS).content.decode()
    assert "Ada alone" in page
    change = f"{CONNECTIONS}{connection.pk}/change/"
    page = ida.get(change).content.decode()
    assert "Chosen by its owner" in page and "Disconnect" in page and "Reconnect" not in page
    assert ida.post(change, {"name": "Mine"}).status_code == 403
    assert ida.get(f"{CONNECTIONS}{connection.pk}/choose/").status_code == 404
    assert ida.get(f"{CONNECTIONS}{connection.pk}/reconnect/").status_code == 404
    for action in ("pause", "resume", "sync_now", "delegate"):
        ida.post(CONNECTIONS, {"action": action, "_selected_action": [connection.pk]})
    share = ida.get(f"/share/connection/{connection.uuid}/")
    assert share.status_code == 404
    with inside(world.acme):
        connection.refresh_from_db()
        assert connection.state == ConnectionState.PAUSED and not SyncRun.objects.exists()
    ida.post(f"{CONNECTIONS}{connection.pk}/disconnect/", {"data": "keep"})
    with inside(world.acme):
        connection.refresh_from_db()
        assert connection.state == ConnectionState.DISCONNECTED
        assert Event.objects.get(action="connection.disconnected").actor == world.ida


def test_pages_of_accounts_are_for_it_admins(world: World, source: Source) -> None:
    _, connection = connected(world, source, source.config(world.acme))
    rex = make_member(world.acme, "rex@acme.example", role=Role.AUDITOR)
    for person in (world.ada, world.cy, rex):
        client = signed_in(person)
        for page in ("choose", "disconnect", "reconnect"):
            response = client.post(f"{CONNECTIONS}{connection.pk}/{page}/", {"data": "delete"})
            assert response.status_code in (302, 403), (person, page)
        assert client.get(f"{CONNECTIONS}add/?kind={KIND}").status_code in (302, 403)
    with inside(world.acme):
        connection.refresh_from_db()
        assert connection.state == ConnectionState.PAUSED


def test_an_it_admin_of_another_tenant_finds_no_such_connection(
    world: World, source: Source
) -> None:
    _, connection = connected(world, source, source.config(world.acme))
    ivo = signed_in(make_member(world.umbra, "ivo@umbra.example", role=Role.IT_ADMIN))
    for page in ("choose", "disconnect", "reconnect"):
        assert ivo.get(f"{CONNECTIONS}{connection.pk}/{page}/").status_code == 404


def test_the_folder_form_stays_where_it_was(world: World, source: Source) -> None:
    page = signed_in(world.ida).get(f"{CONNECTIONS}add/").content.decode()
    assert 'name="path"' in page and f"?kind={KIND}" in page
    assert not re.search(r'name="poll_interval_s"', page), "folders are watched, not polled"
