"""To a source and back: what is asked, what is believed, and what is refused."""

from __future__ import annotations

import time
from base64 import urlsafe_b64encode
from dataclasses import replace
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from apps.audit.models import Event
from apps.connections.credentials import flow as flows
from apps.connections.models import AuthConfig, Connection, ConnectionState, Credential
from apps.tenants.context import tenant_context
from apps.tenants.models import Membership, Role
from tests.connections.accounts.joined import (
    CALLBACK,
    Source,
    address,
    back,
    joined,
    own_connection,
    start,
)
from tests.connections.accounts.source import READ, WRITE, Desk
from tests.world import World, make_member, signed_in


@pytest.fixture
def config(world: World, source: Source) -> AuthConfig:
    return source.config(world.acme)


def stored(world: World) -> list[Connection]:
    with tenant_context(world.acme):
        return list(Connection.objects.order_by("pk"))


def said(response: object) -> str:
    return " ".join(str(each) for each in response.wsgi_request._messages)  # type: ignore[attr-defined]


def test_an_employee_connects_an_own_account(
    world: World, source: Source, config: AuthConfig
) -> None:
    ada = signed_in(world.ada)
    connection = own_connection(ada, source, config)
    with tenant_context(world.acme):
        connection.refresh_from_db()
        credential = Credential.objects.get()
        assert (connection.owner, connection.state) == (world.ada, ConnectionState.PAUSED)
        assert connection.state_reason == "Choose what to sync."
        assert connection.name == "Desk (ada@example.com)"
        assert (credential.subject, credential.scopes) == ("ada@example.com", [READ])
        assert connection.item_space == "desk"
        assert connection.settings == {"archived": True}
        actions = set(Event.objects.filter(actor=world.ada).values_list("action", flat=True))
    assert {"connection.created", "connection.account_connected"} <= actions


def test_the_request_carries_state_proof_key_and_only_reading(
    world: World, source: Source, config: AuthConfig
) -> None:
    ada = signed_in(world.ada)
    page = start(ada, config, own="1")
    asked = {name: each[0] for name, each in parse_qs(urlsplit(address(page)).query).items()}
    assert asked["code_challenge_method"] == "S256" and len(asked["code_challenge"]) == 43
    assert len(asked["state"]) >= 43
    assert asked["scope"] == READ
    assert asked["redirect_uri"] == f"http://testserver{CALLBACK}"
    assert (page["Referrer-Policy"], page["Cache-Control"].split(",")[0]) == (
        "no-referrer",
        "max-age=0",
    )
    assert "no-store" in page["Cache-Control"]
    assert "client_secret" not in address(page) and source.client_secret not in address(page)


def test_the_proof_key_never_leaves_the_server_and_is_new_each_time(
    world: World, source: Source, config: AuthConfig
) -> None:
    ada = signed_in(world.ada)
    sent = {parse_qs(urlsplit(address(start(ada, config, own="1"))).query)["code_challenge"][0]
            for _ in range(3)}  # fmt: skip
    assert len(sent) == 3
    kept = str(dict(ada.session.items()))
    for challenge in sent:
        assert challenge not in kept
    begun = flows.Begun("s", "v" * 43)
    made = urlsafe_b64encode(sha256(begun.verifier.encode()).digest()).rstrip(b"=").decode()
    assert len(made) == 43


@pytest.mark.parametrize(("allows", "asked_for"), [(True, f"{READ} {WRITE}"), (False, READ)])
def test_rights_to_write_are_asked_for_when_somebody_needs_them(
    world: World, source: Source, config: AuthConfig, allows: bool, asked_for: str
) -> None:
    with tenant_context(world.acme):
        AuthConfig.objects.update(allows_writes=allows)
    page = start(signed_in(world.ada), config, own="1", writes="1")
    assert parse_qs(urlsplit(address(page)).query)["scope"] == [asked_for]


def test_the_answer_goes_on_without_what_came_back(
    world: World, source: Source, config: AuthConfig
) -> None:
    response = joined(signed_in(world.ada), source, config, own="1")
    assert response.status_code == 302
    assert "?" not in response["Location"]
    assert response["Referrer-Policy"] == "no-referrer"
    assert "no-store" in response["Cache-Control"]


def test_a_state_counts_once(world: World, source: Source, config: AuthConfig) -> None:
    ada = signed_in(world.ada)
    location = source.agree(address(start(ada, config, own="1")))
    assert "/choose/" in back(ada, location)["Location"]
    again = back(ada, location)
    assert again["Location"] == "/connections/"
    assert "not known here any more" in said(again)
    assert len(stored(world)) == 1


def test_two_requests_at_once_get_one_connection(
    world: World, source: Source, config: AuthConfig
) -> None:
    """Both have read the session before the other one has changed it."""
    ada, twin = signed_in(world.ada), Client()
    location = source.agree(address(start(ada, config, own="1")))
    key = ada.session.session_key
    before = dict(ada.session.items())
    twin.cookies = ada.cookies
    assert "/choose/" in back(ada, location)["Location"]
    session = ada.session
    session.update(before)
    session.save()
    assert session.session_key == key
    assert "not known here any more" in said(back(twin, location))
    assert len(stored(world)) == 1


@pytest.mark.parametrize("name", ["bo", "ida", "cy"])
def test_a_state_counts_in_the_session_in_which_it_began(
    world: World, source: Source, config: AuthConfig, name: str
) -> None:
    """Else somebody could have a colleague connect the account of the one who sent the link."""
    location = source.agree(address(start(signed_in(world.ada), config, own="1")))
    response = back(signed_in(getattr(world, name)), location)
    assert "not known here any more" in said(response)
    assert not stored(world)


def test_a_state_counts_for_the_person_who_began(
    world: World, source: Source, config: AuthConfig
) -> None:
    """The session goes on with another person: somebody else signed in at the same browser."""
    client = signed_in(world.ada)
    location = source.agree(address(start(client, config, own="1")))
    kept = client.session["connectors.flows"]
    signed_in(world.bo, client)
    session = client.session
    session["connectors.flows"] = kept
    session.save()
    assert "not known here any more" in said(back(client, location))
    assert not stored(world)


def test_a_state_counts_in_the_tenant_in_which_it_began(
    world: World, source: Source, config: AuthConfig
) -> None:
    make_member(world.umbra, world.ada.email)
    client = signed_in(world.ada)
    client.post(f"/tenants/{world.acme.uuid}/switch/")
    location = source.agree(address(start(client, config, own="1")))
    client.post(f"/tenants/{world.umbra.uuid}/switch/")
    assert "not known here any more" in said(back(client, location))
    assert not stored(world)


def test_a_state_counts_for_ten_minutes(
    world: World, source: Source, config: AuthConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = signed_in(world.ada)
    location = source.agree(address(start(ada, config, own="1")))
    began = time.time()
    monkeypatch.setattr(time, "time", lambda: began + flows.LIFE_S + 1)
    assert "not known here any more" in said(back(ada, location))
    assert not stored(world)


def test_a_session_keeps_few_sign_ins(world: World, source: Source, config: AuthConfig) -> None:
    ada = signed_in(world.ada)
    for _ in range(flows.AT_ONCE + 3):
        start(ada, config, own="1")
    assert len(ada.session["connectors.flows"]) == flows.AT_ONCE


def test_nothing_of_a_sign_in_stays_in_the_session(
    world: World, source: Source, config: AuthConfig
) -> None:
    ada = signed_in(world.ada)
    own_connection(ada, source, config)
    assert ada.session["connectors.flows"] == {}


def test_who_does_not_agree_is_told_so_kindly(
    world: World, source: Source, config: AuthConfig
) -> None:
    ada = signed_in(world.ada)
    response = back(ada, source.agree(address(start(ada, config, own="1")), decision="deny"))
    assert response["Location"] == "/connections/"
    assert said(response) == "You did not agree at the source, so nothing was connected."
    assert not stored(world)


def test_what_a_source_writes_in_an_error_is_not_repeated(
    world: World, source: Source, config: AuthConfig
) -> None:
    ada = signed_in(world.ada)
    state = parse_qs(urlsplit(address(start(ada, config, own="1"))).query)["state"][0]
    told = {"state": state, "error": "<b>call 555</b>", "error_description": "call 555"}
    response = ada.get(CALLBACK, told)
    assert "an unknown error" in said(response) and "555" not in said(response)


@pytest.mark.parametrize("code", ["", "made-up"])
def test_a_code_that_is_none_connects_nothing(
    world: World, source: Source, config: AuthConfig, code: str
) -> None:
    ada = signed_in(world.ada)
    state = parse_qs(urlsplit(address(start(ada, config, own="1"))).query)["state"][0]
    response = ada.get(CALLBACK, {"state": state, "code": code})
    assert response["Location"] == "/connections/" and not stored(world)
    assert "made-up" not in said(response)


def test_a_code_that_somebody_else_got_is_worthless_without_their_proof_key(
    world: World, source: Source, config: AuthConfig
) -> None:
    """An attacker's code, put into the victim's sign-in: the proof keys differ."""
    ada, bo = signed_in(world.ada), signed_in(world.bo)
    theirs = source.agree(address(start(bo, config, own="1")), "bo@example.com")
    code = parse_qs(urlsplit(theirs).query)["code"][0]
    state = parse_qs(urlsplit(address(start(ada, config, own="1"))).query)["state"][0]
    response = ada.get(CALLBACK, {"state": state, "code": code})
    assert "does not accept" in said(response) and not stored(world)


def test_a_session_that_ended_meanwhile_leads_to_the_sign_in_without_the_code(
    world: World, source: Source, config: AuthConfig
) -> None:
    location = source.agree(address(start(signed_in(world.ada), config, own="1")))
    response = back(Client(), location)
    assert response["Location"] == "/accounts/login/"


def test_the_right_is_asked_for_again_on_the_way_back(
    world: World, source: Source, config: AuthConfig
) -> None:
    ada = signed_in(world.ada)
    location = source.agree(address(start(ada, config, own="1")))
    with tenant_context(world.acme):
        AuthConfig.objects.update(is_for_employees=False)
    assert "not for you" in said(back(ada, location))
    assert not stored(world)


def test_what_is_not_offered_to_employees_starts_nothing(
    world: World, source: Source, config: AuthConfig
) -> None:
    with tenant_context(world.acme):
        AuthConfig.objects.update(is_for_employees=False)
    assert start(signed_in(world.ada), config, own="1").status_code == 404
    assert start(signed_in(world.ida), config, own="1").status_code == 404
    assert start(signed_in(world.ida), config).status_code == 200


def test_only_those_who_may_start(world: World, source: Source, config: AuthConfig) -> None:
    guest = make_member(world.acme, "gil@elsewhere.example")
    auditor = make_member(world.acme, "rex@acme.example", role=Role.AUDITOR)
    with tenant_context(world.acme):
        Membership.objects.filter(user=guest).update(is_guest=True)
    assert start(signed_in(guest), config, own="1").status_code == 404, "guests have no accounts"
    assert start(signed_in(world.cy), config, own="1").status_code == 404, "another tenant"
    assert start(signed_in(world.ada), config).status_code == 404, "not for the whole tenant"
    assert start(signed_in(auditor), config).status_code == 404
    assert start(Client(), config, own="1").status_code == 302, "first the sign-in"
    assert signed_in(world.ada).get(f"/connectors/oauth/start/{config.uuid}/").status_code == 405


def test_a_configuration_out_of_use_starts_nothing(
    world: World, source: Source, config: AuthConfig
) -> None:
    with tenant_context(world.acme):
        AuthConfig.objects.update(is_active=False)
    assert start(signed_in(world.ada), config, own="1").status_code == 404
    assert start(signed_in(world.ida), config).status_code == 404


def test_an_it_admin_connects_an_account_for_the_whole_tenant(
    world: World, source: Source, config: AuthConfig
) -> None:
    ida = signed_in(world.ida)
    response = joined(ida, source, config, "ida@example.com", name="Desks of the company")
    (connection,) = stored(world)
    assert response["Location"] == f"/admin/connections/connection/{connection.pk}/change/"
    assert (connection.name, connection.owner) == ("Desks of the company", None)
    assert connection.state == ConnectionState.PAUSED


def test_a_name_that_is_taken_is_refused_and_nothing_half_done_stays(
    world: World, source: Source, config: AuthConfig
) -> None:
    ida = signed_in(world.ida)
    joined(ida, source, config, "ida@example.com", name="Desks")
    response = joined(ida, source, config, "ida@example.com", name="Desks")
    assert "There is already a connection called “Desks”." in said(response)
    with tenant_context(world.acme):
        assert (Connection.objects.count(), Credential.objects.count()) == (1, 1)


def test_the_same_own_account_is_connected_once(
    world: World, source: Source, config: AuthConfig
) -> None:
    ada = signed_in(world.ada)
    own_connection(ada, source, config)
    response = joined(ada, source, config, own="1")
    assert "You have connected this account already" in said(response)
    assert len(stored(world)) == 1


def test_two_people_may_connect_the_same_account_each_for_themselves(
    world: World, source: Source, config: AuthConfig
) -> None:
    own_connection(signed_in(world.ada), source, config, "bo@example.com")
    own_connection(signed_in(world.bo), source, config, "bo@example.com")
    assert [each.name for each in stored(world)] == [
        "Desk (bo@example.com)",
        "Desk (bo@example.com) 2",
    ]


def test_a_provider_s_issuer_is_compared(
    world: World, source: Source, config: AuthConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 9207: the answer of another server than the one that was asked is refused."""
    real = {**source.endpoints}
    monkeypatch.setattr(
        Desk, "sign_in", replace(Desk.sign_in, endpoints=real, issuer="https://desk.example")
    )
    with tenant_context(world.acme):
        AuthConfig.objects.update(endpoints={})
    ada = signed_in(world.ada)
    location = source.agree(address(start(ada, config, own="1")))
    response = back(ada, f"{location}&iss=https%3A%2F%2Fevil.example")
    assert "another source than the one that was asked" in said(response)
    location = source.agree(address(start(ada, config, own="1")))
    assert "/choose/" in back(ada, f"{location}&iss=https%3A%2F%2Fdesk.example")["Location"]
