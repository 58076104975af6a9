"""The People page: what waits behind whom, who it may be, matching, merging and taking apart."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.models import User
from apps.acls import claims, people_matches
from apps.acls.models import Claim, ConfirmedAlias, Principal
from apps.audit.models import Event
from apps.tenants.models import ManagedDomain
from tests.admin.conftest import Stock, grant, make_document, make_principal
from tests.world import World, make_member, signed_in

Browser = Callable[[User], Client]
LIST = "/admin/acls/person/"


def page(client: Client, url: str = LIST) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return response.content.decode()


def person_page(one: Principal, act: str = "change") -> str:
    return f"{LIST}{one.pk}/{act}/"


def identity(acme: Stock, name: str, label: str, *, documents: int = 0) -> Principal:
    """Return an identity behind which so many documents wait."""
    one = make_principal(acme.source, "user", name, label)
    Principal.objects.filter(pk=one.pk).update(email="")
    if documents:
        place = acme.place.__class__.objects.create(
            tenant=acme.source.tenant, realm=acme.source.realm, external_id=name, label=f"/{name}"
        )
        grant(place, one)
        for number in range(documents):
            make_document(acme.source, place, f"{name}/{number}.md")
    return one


@pytest.fixture
def ida(world: World, acme: Stock, browser: Browser) -> Client:
    return browser(world.ida)


def test_identities_come_with_the_documents_that_wait_largest_first(
    acme: Stock, ida: Client
) -> None:
    identity(acme, "x1", "Few", documents=1)
    identity(acme, "x2", "Many", documents=3)
    identity(acme, "x3", "Nothing")
    told = page(ida)
    assert told.index("Many") < told.index("Few") < told.index("Nothing")
    assert "acme files" in told


def test_a_member_is_suggested_by_unverified_address_by_name_and_by_what_stands_before_the_at(
    world: World, acme: Stock, ida: Client
) -> None:
    EmailAddress.objects.create(user=world.bo, email="b@home.example")
    make_principal(acme.source, "user", "b@home.example", "Somebody")
    make_member(acme.source.tenant, "zoe@acme.example", name="Zoë Lindqvist")
    identity(acme, "uid:1000", "LINDQVIST, Zoe")
    identity(acme, "uid:1001", "ida")
    told = page(ida)
    for name, reason in (
        ("bo@acme.example", "same address, not verified"),
        ("zoe@acme.example", "same name"),
        ("ida@acme.example", "same name before the @"),
    ):
        assert f"{name}: {reason}" in told


def test_before_a_match_the_page_says_what_it_opens_and_then_the_member_has_it(
    world: World, acme: Stock, ida: Client
) -> None:
    one = identity(acme, "x1", "Somebody", documents=3)
    told = page(ida, f"{person_page(one)}?member={world.bo.pk}")
    assert "Match with bo@acme.example?" in told and "<strong>3</strong> more documents" in told
    assert not Claim.objects.filter(principal=one).exists()
    response = ida.post(person_page(one, "match"), {"member": world.bo.pk}, follow=True)
    assert "matched with bo@acme.example" in response.content.decode()
    assert Claim.objects.get(principal=one).user == world.bo
    assert "Somebody" not in page(ida)
    assert "bo@acme.example" in page(ida, f"{LIST}?held=1")


def test_taking_apart_ends_the_match_and_keeps_it_as_history(
    world: World, acme: Stock, ida: Client
) -> None:
    one = identity(acme, "x1", "Somebody")
    people_matches.match(principal=one, user=world.bo, actor=world.ida)
    assert "Un-match" in page(ida, f"{LIST}?held=1")
    told = ida.post(person_page(one, "unmatch"), follow=True).content.decode()
    assert "not matched with bo@acme.example any more" in told
    assert "Earlier holders" in told and "Nobody has held it" not in told
    assert not Claim.objects.filter(principal=one, ended_at=None).exists()
    events = Event.objects.filter(action__startswith="identity.").order_by("pk")
    assert [(e.action, e.actor) for e in events] == [
        ("identity.matched", world.ida),
        ("identity.unmatched", world.ida),
    ]


def test_a_conflict_is_explained_and_changes_nothing(
    world: World, acme: Stock, ida: Client
) -> None:
    one = identity(acme, "x1", "Somebody")
    people_matches.match(principal=one, user=world.bo, actor=world.ida)
    assert "already held by bo@acme.example" in page(
        ida, f"{person_page(one)}?member={world.ada.pk}"
    )
    told = ida.post(person_page(one, "match"), {"member": world.ada.pk}, follow=True)
    assert "already held by bo@acme.example" in told.content.decode()
    assert Claim.objects.get(principal=one, ended_at=None).user == world.bo


def test_an_it_admin_does_not_become_somebody_else_alone(
    world: World, acme: Stock, ida: Client
) -> None:
    one = identity(acme, "x1", "Chief")
    told = ida.post(person_page(one, "match"), {"member": world.ida.pk}, follow=True)
    assert "yourself" in told.content.decode()
    assert "yourself" in page(ida, f"{person_page(one)}?member={world.ida.pk}")
    add = reverse("admin:acls_confirmedalias_add")
    for member, address in (("ida", "chief@home.example"), ("ida", "ada@acme.example")):
        refused = ida.post(add, {"member": f"{member}@acme.example", "address": address})
        assert refused.status_code == 200 and "errorlist" in refused.content.decode()
    people_matches.match(principal=one, user=world.ida, actor=world.ada)
    assert "yourself" in ida.post(person_page(one, "unmatch"), follow=True).content.decode()
    assert Claim.objects.get(principal=one, ended_at=None).user == world.ida
    assert not ConfirmedAlias.objects.exists()
    # The trail tells of each try; of looking at what it would do it does not.
    tried = Event.objects.filter(action__contains="refused").values_list("action", flat=True)
    assert sorted(tried) == [
        "alias.refused",
        "alias.refused",
        "identity.match_refused",
        "identity.unmatch_refused",
    ]


def test_members_are_found_in_this_tenant_alone(world: World, acme: Stock, ida: Client) -> None:
    one = identity(acme, "x1", "Somebody")
    assert "ada@acme.example" in page(ida, f"{person_page(one)}?q=ADA")
    told = page(ida, f"{person_page(one)}?q=umbra")
    assert "cy@" not in told and "No active member" in told
    assert "Match with" not in page(ida, f"{person_page(one)}?member={world.cy.pk}")
    assert ida.post(person_page(one, "match"), {"member": world.cy.pk}).status_code == 404


def test_the_auditor_looks_and_nobody_but_the_it_admin_matches(
    world: World, acme: Stock, auditor: User, umbras_admin: User, browser: Browser
) -> None:
    one = identity(acme, "x1", "bo", documents=1)
    looker = browser(auditor)
    for url in (LIST, person_page(one)):
        told = page(looker, url)
        assert "bo" in told and "Match<" not in told
    for client in (looker, browser(world.bo), browser(umbras_admin)):
        asked = {"member": world.bo.pk}
        refused = client.post(person_page(one, "match"), asked, follow=True)
        assert refused.status_code in (403, 404)
    assert browser(world.ida).get(person_page(one, "match")).status_code == 403
    strict = signed_in(world.ida, Client(enforce_csrf_checks=True))
    refused = strict.post(person_page(one, "match"), {"member": world.bo.pk})
    assert refused.status_code == 403
    assert not Claim.objects.filter(principal=one).exists()


def test_what_is_no_identity_of_a_person_has_no_page(acme: Stock, ida: Client) -> None:
    assert ida.get(person_page(acme.group)).status_code == 404
    assert ida.get(f"{LIST}99999999999999999999/change/").status_code == 404


def test_pages_are_turned_and_searched_within_a_fixed_number_of_statements(
    acme: Stock, ida: Client
) -> None:
    page(ida)
    with CaptureQueriesContext(connection) as few:
        page(ida)
    for number in range(30):
        identity(acme, f"n{number}", f"Number {number:02}")
    with CaptureQueriesContext(connection) as many:
        told = page(ida)
    assert len(many) == len(few)
    assert "Page 1 of 2" in told and "?p=2" in told
    assert "Previous" in page(ida, f"{LIST}?p=2")
    assert "There is no such page" in page(ida, f"{LIST}?p=99")
    found = page(ida, f"{LIST}?q=number+07&source={acme.source.realm}")
    assert "Number 07" in found and "Number 08" not in found
    assert "Nothing matches" in page(ida, f"{LIST}?q=nobody%00")


def test_nothing_to_match_is_said(acme: Stock, ida: Client) -> None:
    Principal.objects.filter(kind="user").update(is_active=False)
    assert "Nothing waits" in page(ida)
    assert "No identity is held" in page(ida, f"{LIST}?held=1")


def test_managing_a_domain_ends_matches_at_once_and_says_how_many(
    world: World, acme: Stock, ida: Client
) -> None:
    assert claims.claim_by_verified_email().started == 1
    add = reverse("admin:tenants_manageddomain_add")
    told = ida.post(add, {"domain": "@Acme.Example"}, follow=True).content.decode()
    assert "Matches that ended by this: 1" in told
    assert not Claim.objects.filter(ended_at=None).exists()
    managed = ManagedDomain.objects.get()
    assert (managed.domain, managed.created_by) == ("acme.example", world.ida)
    event = Event.objects.get(action="domain.managed")
    assert event.details == {"domain": "acme.example", "claims_started": 0, "claims_ended": 1}
    delete = reverse("admin:tenants_manageddomain_delete", args=[managed.pk])
    told = ida.post(delete, {"post": "yes"}, follow=True).content.decode()
    assert "that began: 1" in told
    assert Claim.objects.filter(ended_at=None).count() == 1
    assert not Event.objects.filter(action__startswith="manageddomain.").exists()


@pytest.mark.parametrize(
    ("domain", "why"),
    [("gmail.com", "Anybody can get an address"), ("nonsense", "no mail domain")],
)
def test_a_refused_domain_is_explained_beside_the_field(
    acme: Stock, ida: Client, domain: str, why: str
) -> None:
    told = ida.post(reverse("admin:tenants_manageddomain_add"), {"domain": domain})
    assert why in told.content.decode()
    assert not ManagedDomain.objects.exists()


def test_a_domain_that_is_managed_already_is_refused_without_a_failure(
    world: World, acme: Stock, umbras_admin: User, ida: Client, browser: Browser
) -> None:
    add = reverse("admin:tenants_manageddomain_add")
    ida.post(add, {"domain": "acme.example"})
    again = ida.post(add, {"domain": "acme.example"})
    assert "managed already" in again.content.decode()
    other = browser(umbras_admin).post(add, {"domain": "acme.example"})
    assert other.status_code == 302, "it says nothing to other organisations"


def test_an_address_is_confirmed_for_a_member_and_ended(
    world: World, acme: Stock, ida: Client
) -> None:
    make_principal(acme.source, "user", "b@home.example", "Somebody")
    add = reverse("admin:acls_confirmedalias_add")
    ida.post(add, {"member": "Bo@acme.example", "address": "B@home.example"})
    assert Claim.objects.get(user=world.bo, ended_at=None).source == "alias"
    refused = ida.post(add, {"member": "ada@acme.example", "address": "b@home.example"})
    assert "confirmed for bo@acme.example" in refused.content.decode()
    unknown = ida.post(add, {"member": "cy@umbra.example", "address": "c@home.example"})
    assert "No active member" in unknown.content.decode()
    alias = ConfirmedAlias.objects.get()
    action = {"action": "end", "index": "0", "select_across": "0", "_selected_action": [alias.pk]}
    told = ida.post(reverse("admin:acls_confirmedalias_changelist"), action, follow=True)
    assert "Addresses ended: 1" in told.content.decode()
    assert not Claim.objects.filter(user=world.bo, ended_at=None).exists()
    assert page(ida, reverse("admin:acls_confirmedalias_change", args=[alias.pk]))
