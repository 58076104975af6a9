"""The sharing page over HTTP: who finds whom, and who is let in."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.acls import sharing
from apps.audit.models import Event
from apps.connections.models import Connection
from apps.documents import collections
from apps.documents.collection_models import Collection
from apps.tenants.context import tenant_context
from apps.tenants.models import Membership
from tests.acls.shared_objects import address, make_source
from tests.acls.small_worlds import claim, edge, principal
from tests.world import World, assert_visible, signed_in


@pytest.fixture
def kept(world: World) -> Collection:
    with tenant_context(world.acme):
        return collections.create(name="Onboarding", owner=world.ada)


@pytest.fixture
def source(world: World) -> Connection:
    return make_source(world)


def found(page: str) -> list[str]:
    """Return who stands on the page, as forms name them."""
    return re.findall(r'name="recipient" value="([^"]+)"', page)


def level(world: World, user: User, shared: Any) -> str | None:
    with tenant_context(world.acme):
        has = sharing.level_of(user, shared)
    return has.name if has else None


def test_the_owner_finds_shares_changes_and_removes(world: World, kept: Collection) -> None:
    ada = signed_in(world.ada)
    page = ada.get(address(kept), {"q": "bo@acme"}).content.decode()
    assert "Sharing a collection never opens a document" in page
    assert found(page) == ["person:bo@acme.example"]
    sent = {"recipient": "person:bo@acme.example", "act": "grant"}
    answer = ada.post(address(kept), sent | {"level": "view"}, follow=True).content.decode()
    assert "Shared with Bo." in answer
    assert level(world, world.bo, kept) == "view"
    assert "Onboarding" in signed_in(world.bo).get("/collections/").content.decode()
    ada.post(address(kept), sent | {"level": "change"})
    assert level(world, world.bo, kept) == "change"
    again = ada.post(address(kept), sent | {"level": "change"}, follow=True).content.decode()
    assert "That was so already." in again
    ada.post(address(kept), {"recipient": "person:bo@acme.example", "act": "revoke"})
    assert level(world, world.bo, kept) is None
    with tenant_context(world.acme):
        told = Event.objects.filter(action__startswith="share.").values_list("action", flat=True)
        assert sorted(told) == ["share.granted"] * 3 + ["share.revoked"]


def test_the_search_ends_at_the_tenant(world: World, kept: Collection) -> None:
    with tenant_context(world.umbra):
        principal(world.umbra, label="Umbra staff")
    ada = signed_in(world.ada)
    for query in ("cy", "umbra", "example", "staff"):
        page = ada.get(address(kept), {"q": query}).content.decode()
        assert "mbra" not in page.replace(f'value="{query}"', ""), query
    refused = {"recipient": "person:cy@umbra.example", "act": "grant", "level": "view"}
    assert ada.post(address(kept), refused).status_code == 404


def test_group_names_are_told_to_their_members_and_to_it_admins(
    world: World, kept: Collection
) -> None:
    """What a group is called can tell what a company plans."""
    with tenant_context(world.acme):
        me, team = principal(world.acme, "user"), principal(world.acme, label="Team Nine")
        secret = principal(world.acme, label="Team Layoffs")
        claim(world.ada, me)
        edge(me, team)
        sharing.grant(kept, world.ida, "share", actor=world.ada)
    page = signed_in(world.ada).get(address(kept), {"q": "team"}).content.decode()
    assert_visible(
        [name for name in ("Team Nine", "Team Layoffs") if name in page],
        seen=["Team Nine"],
        hidden=["Team Layoffs"],
    )
    idas = signed_in(world.ida).get(address(kept), {"q": "team"}).content.decode()
    assert "Team Nine" in idas and "Team Layoffs" in idas
    sent = {"recipient": f"group:{secret.uuid}", "act": "grant", "level": "view"}
    assert signed_in(world.ada).post(address(kept), sent).status_code == 404
    assert signed_in(world.ida).post(address(kept), sent).status_code == 302
    lowered = signed_in(world.ada).post(address(kept), sent | {"act": "revoke"})
    assert lowered.status_code == 302, "who has it already stands on the page"


def test_a_sharer_sees_that_a_group_has_it_and_not_what_it_is_called(
    world: World, kept: Collection
) -> None:
    with tenant_context(world.acme):
        secret = principal(world.acme, label="Team Layoffs")
        sharing.grant(kept, world.ida, "share", actor=world.ada)
        sharing.grant(kept, secret, "view", actor=world.ida)
    ada = signed_in(world.ada)
    page = ada.get(address(kept)).content.decode()
    assert "A group that you are not in" in page and "Layoffs" not in page
    assert "Team Layoffs" in signed_in(world.ida).get(address(kept)).content.decode()
    sent = {"recipient": f"group:{secret.uuid}", "act": "revoke"}
    told = ada.post(address(kept), sent, follow=True).content.decode()
    assert "does not have it any more" in told and "Layoffs" not in told


def test_a_guest_finds_a_member_by_the_whole_address_alone(world: World, kept: Collection) -> None:
    with tenant_context(world.acme):
        Membership.objects.filter(tenant=world.acme, user=world.ada).update(is_guest=True)
    ada = signed_in(world.ada)
    for query in ("bo", "Ida", "acme.example", "bo@acme"):
        assert found(ada.get(address(kept), {"q": query}).content.decode()) == []
    page = ada.get(address(kept), {"q": "Bo@acme.example"}).content.decode()
    assert found(page) == ["person:bo@acme.example"]


def test_a_group_is_shown_with_the_source_that_names_it(world: World, source: Connection) -> None:
    with tenant_context(world.acme):
        team = principal(world.acme, label="Clerks")
        type(team).objects.filter(pk=team.pk).update(realm=source.realm)
    page = signed_in(world.ida).get(address(source), {"q": "clerks"}).content.decode()
    assert "Group in Files" in page


@pytest.mark.parametrize("query", ["", "a", " ", "%", "__", "zz'; --"])
def test_no_query_lists_the_company(world: World, kept: Collection, query: str) -> None:
    assert found(signed_in(world.ada).get(address(kept), {"q": query}).content.decode()) == []


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"recipient": "person:nobody@acme.example", "level": "view"},
        {"recipient": "person:bo@acme.example", "level": "owner"},
        {"recipient": "person:bo@acme.example"},
        {"recipient": "group:nonsense", "level": "view"},
        {"recipient": f"group:{uuid4()}", "level": "view"},
        {"recipient": "person:", "act": "revoke"},
    ],
)
def test_what_the_page_never_offered_is_refused(
    world: World, kept: Collection, sent: dict[str, str]
) -> None:
    assert signed_in(world.ada).post(address(kept), sent).status_code == 404
    assert level(world, world.bo, kept) is None


def test_the_owners_row_cannot_be_taken(world: World, kept: Collection) -> None:
    with tenant_context(world.acme):
        sharing.grant(kept, world.bo, "share", actor=world.ada)
    sent = {"recipient": "person:ada@acme.example", "act": "revoke"}
    page = signed_in(world.bo).post(address(kept), sent, follow=True).content.decode()
    assert "The owner keeps everything." in page
    assert level(world, world.ada, kept) == "share"


@pytest.mark.parametrize("name", ["bo", "ida", "cy"])
def test_the_page_of_a_collection_is_there_for_its_sharers_only(
    world: World, kept: Collection, name: str
) -> None:
    client = signed_in(getattr(world, name))
    for path in (address(kept), f"/share/collection/{uuid4()}/", f"/share/nothing/{kept.uuid}/"):
        assert client.get(path).status_code == 404
        assert client.post(path, {"recipient": "person:bo@acme.example"}).status_code == 404


def test_the_page_of_a_connection_is_there_for_it_admins_only(
    world: World, source: Connection
) -> None:
    with tenant_context(world.acme):
        sharing.grant(source, world.bo, "change", actor=world.ida)
    assert signed_in(world.ida).get(address(source)).status_code == 200
    operator = signed_in(User.objects.create_superuser("opal@kenward.example"))
    operator.post(f"/tenants/{world.acme.uuid}/enter/")
    for client in (signed_in(world.ada), signed_in(world.bo), signed_in(world.cy), operator):
        assert client.get(address(source)).status_code == 404


def test_a_visitor_is_sent_to_the_sign_in(world: World, kept: Collection) -> None:
    for path in (address(kept), "/sources/", "/collections/", f"/collections/{kept.uuid}/"):
        assert Client().get(path)["Location"].startswith("/accounts/login/")


def test_the_admin_leads_to_the_page_of_one_connection(world: World, source: Connection) -> None:
    ida, listed = signed_in(world.ida), "/admin/connections/connection/"
    page = ida.get(f"{listed}{source.pk}/change/").content.decode()
    assert 'name="action" value="delegate"' in page
    chosen = {"action": "delegate", "index": "0", "select_across": "0", "_object": source.pk}
    answer = ida.post(listed, chosen | {"_selected_action": source.pk})
    assert answer["Location"] == address(source)
