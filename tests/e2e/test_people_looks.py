"""The People pages in light and dark, wide and narrow, and by keyboard alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress
from django.conf import LazySettings
from playwright.sync_api import Page

from apps.acls import claims, people_aliases, people_domains
from apps.acls.models import Acl, Principal
from tests.acls.reads import inside
from tests.admin.conftest import grant, make_document, make_principal, stock
from tests.e2e.test_looks import check
from tests.world import World, make_member

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.usefixtures("beside_the_browser_s_loop"),
]


@pytest.fixture
def people(committed_world: World, settings: LazySettings) -> dict[str, Principal]:
    """Fill a tenant with identities that are held and that nobody holds."""
    settings.WHITENOISE_AUTOREFRESH = True
    world = committed_world
    zoe = make_member(world.acme, "zoe@acme.example", name="Zoë Lindqvist")
    EmailAddress.objects.create(user=world.bo, email="b@home.example")
    with inside(world.acme):
        source = stock(world.acme, "acme").source
        found: dict[str, Principal] = {}
        for name, label, documents in (
            ("uid:1001", "LINDQVIST, Zoe", 4),
            ("b@home.example", "Bo at home", 2),
            ("uid:1002", "build-server-with-a-rather-long-name-of-its-own", 1),
            ("uid:1003", "Mäkinen, Päivi", 0),
        ):
            one = make_principal(source, "user", name, label)
            if not one.email.endswith(".example"):
                Principal.objects.filter(pk=one.pk).update(email="")
            place = Acl.objects.create(
                tenant=world.acme, realm=source.realm, external_id=name, label=f"/{name}"
            )
            grant(place, one)
            for number in range(documents):
                make_document(source, place, f"{name}/{number}.md")
            found[name] = one
        for number in range(30):
            make_principal(source, "user", f"n{number}", f"Account {number:02}")
            Principal.objects.filter(external_id=f"n{number}").update(email="")
        people_domains.manage(domain="acme.test", actor=world.ida)
        people_aliases.confirm(user=zoe, address="z@home.example", actor=world.ida)
        claims.claim_by_verified_email()
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_people_pages(
    people: dict[str, Principal],
    committed_world: World,
    signed_in_page: Callable[..., Page],
    axe: str,
    screenshots: Path,
    width: int,
    scheme: str,
) -> None:
    page = signed_in_page(width=width, scheme=scheme)
    one = people["uid:1001"].pk
    for name, path in {
        "people": "/admin/acls/person/",
        "people-held": "/admin/acls/person/?held=1",
        "people-nothing": "/admin/acls/person/?q=nobody",
        "person": f"/admin/acls/person/{one}/change/?q=a",
        "person-chosen": f"/admin/acls/person/{one}/change/?member={committed_world.bo.pk}",
        "managed-domains": "/admin/tenants/manageddomain/",
        "managed-domain-add": "/admin/tenants/manageddomain/add/",
        "confirmed-addresses": "/admin/acls/confirmedalias/",
        "confirmed-address-add": "/admin/acls/confirmedalias/add/",
    }.items():
        response = page.goto(path)
        assert response is not None and response.status == 200, path
        check(page, axe, screenshots / f"{name}-{width}-{scheme}.png")


def test_an_identity_is_matched_and_taken_apart_by_keyboard(
    people: dict[str, Principal], signed_in_page: Callable[..., Page]
) -> None:
    page = signed_in_page(width=1280, scheme="light")
    page.goto("/admin/acls/person/")
    page.get_by_role("link", name="Match LINDQVIST, Zoe with zoe@acme.example").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/change/?member=*")
    assert "4 more documents" in page.locator(".kw-chosen").inner_text()
    page.get_by_role("button", name="Match", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_text("is matched with zoe@acme.example").wait_for()
    page.goto("/admin/acls/person/?held=1")
    page.get_by_role("button", name="Un-match LINDQVIST, Zoe").focus()
    page.keyboard.press("Enter")
    page.get_by_text("is not matched with zoe@acme.example any more").wait_for()
