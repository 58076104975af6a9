from __future__ import annotations

import pytest
from django.test import Client

from apps.audit.models import Event
from apps.tenants.context import tenant_context
from apps.tenants.models import Membership
from tests.world import PASSWORD, World, make_member

pytestmark = pytest.mark.django_db


def sign_in(client: Client, email: str) -> None:
    response = client.post("/accounts/login/", {"login": email, "password": PASSWORD})
    assert response.status_code == 302


@pytest.mark.parametrize("path", ["/chat/", "/search/", "/admin/", "/tenants/choose/"])
def test_whoever_is_not_signed_in_is_asked_to(client: Client, world: World, path: str) -> None:
    response = client.get(path, follow=True)
    assert response.redirect_chain[-1][0].startswith("/accounts/login/")


def test_a_single_organisation_needs_no_choice(client: Client, world: World) -> None:
    sign_in(client, "ada@acme.example")
    page = client.get("/search/")
    assert page.status_code == 200
    assert "Switch" not in page.content.decode()


def test_several_organisations_are_chosen_from_and_the_choice_is_recorded(
    client: Client, world: World
) -> None:
    make_member(world.umbra, "ada@acme.example")
    sign_in(client, "ada@acme.example")
    assert client.get("/search/")["Location"] == "/tenants/choose/"
    client.post(f"/tenants/{world.umbra.uuid}/switch/")
    page = client.get("/search/").content.decode()
    assert "Umbra" in page
    assert "Switch" in page
    with tenant_context(world.umbra):
        assert Event.objects.filter(action="tenant.chosen", actor=world.ada).exists()


def test_an_organisation_of_others_cannot_be_chosen(client: Client, world: World) -> None:
    sign_in(client, "ada@acme.example")
    assert client.post(f"/tenants/{world.umbra.uuid}/switch/").status_code == 404
    assert client.post(f"/tenants/{world.umbra.uuid}/enter/").status_code == 404


def test_a_membership_that_has_ended_lets_nobody_in(client: Client, world: World) -> None:
    sign_in(client, "ada@acme.example")
    with tenant_context(world.acme):
        Membership.objects.filter(user=world.ada).update(is_active=False)
    assert client.get("/search/")["Location"] == "/tenants/choose/"
    assert "not a member" in client.get("/tenants/choose/").content.decode()


def test_signing_out_ends_the_session(client: Client, world: World) -> None:
    sign_in(client, "ada@acme.example")
    client.post("/accounts/logout/")
    assert client.get("/search/")["Location"].startswith("/accounts/login/")


def test_nobody_signs_up_by_themselves(client: Client, world: World) -> None:
    client.post("/accounts/signup/", {"email": "eve@acme.example", "password1": PASSWORD})
    assert client.get("/search/").status_code == 302
