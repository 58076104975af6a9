"""The admin's pages about who may read what, filled, in light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.utils import timezone
from playwright.sync_api import Page, expect

from apps.acls.models import AccessRule, HeldChange, HeldPart
from apps.documents import canary_alarm, class_globs
from apps.documents.canaries import Marker
from apps.documents.models import ClassificationRule
from apps.sync_events.drift_models import DriftCheck, DriftMismatch
from apps.tenants.models import Membership
from tests.acls.reads import inside
from tests.acls.small_worlds import claim, edge
from tests.admin.conftest import Stock, make_principal, stock
from tests.e2e.test_looks import check
from tests.world import World

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.usefixtures("beside_the_browser_s_loop"),
]

OpenPage = Callable[..., Page]
SIZES = [(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]


@pytest.fixture
def acme(committed_world: World, settings: LazySettings) -> Stock:
    """Fill a tenant with one of everything that the pages show."""
    settings.WHITENOISE_AUTOREFRESH = True
    world = committed_world
    with inside(world.acme):
        found = stock(world.acme, "acme")
        claim(world.ada, found.person)
        edge(found.person, found.group)
        make_principal(found.source, "user", "zoe@elsewhere.example", "Zoe of elsewhere")
        _hold(world, found)
        _drift(world, found)
        glob = "acme/vault/**"
        ClassificationRule.objects.create(
            tenant=world.acme, position=1, path_glob=glob, classification="restricted",
            path_pattern=class_globs.as_pattern(glob),
        )  # fmt: skip
        AccessRule.objects.create(tenant=world.acme, classification="restricted", requires_mfa=True)
    canary_alarm.raise_alarm(Marker(world.acme.pk, 1), way_out="search:search", user_id=None)
    return found


def _hold(world: World, found: Stock) -> None:
    change = HeldChange.objects.create(
        tenant=world.acme, connection=found.source, documents=1, people=1, fingerprint="seen",
        observed_at=timezone.now(), sample_documents=[found.document.pk],
        sample_people=[world.bo.pk],
    )  # fmt: skip
    wants = [["may read", "group", found.group.external_id, "0", "False", "", "", "1"]]
    for subject, ended_at in ((f"place:{found.place.external_id}", None), ("place:gone", "now")):
        HeldPart.objects.create(
            tenant=world.acme, change=change, subject=subject, wants=wants, fingerprint=subject,
            ended_at=timezone.now() if ended_at else None,
        )  # fmt: skip


def _drift(world: World, found: Stock) -> None:
    checked = DriftCheck.objects.create(
        tenant=world.acme, connection=found.source, ask_again_at=timezone.now(),
        finished_at=timezone.now(), asked=48, agreed=47, leaks=1,
    )  # fmt: skip
    DriftMismatch.objects.create(
        tenant=world.acme, found_by=checked, connection=found.source, document=found.document,
        user=world.bo, ours=True, theirs=False,
        explanation="You can read this because you are in acme staff.",
    )  # fmt: skip


def _pages(world: World, found: Stock) -> dict[str, str]:
    why = f"/admin/documents/document/why/?document={found.document.uuid}&member="
    with inside(world.acme):
        member = Membership.objects.get(tenant=world.acme, user=world.ada)
        held, mismatch = HeldChange.objects.get(), DriftMismatch.objects.get()
        rule, narrowing = ClassificationRule.objects.get(), AccessRule.objects.get()
    return {
        "overview-alarm": "/admin/",
        "why": "/admin/documents/document/why/",
        "why-yes": f"{why}{world.ada.email}",
        "why-no": f"{why}{world.bo.email}",
        "why-mistaken": f"{why}nobody@acme.example&at=yesterday",
        "history-kept": "/admin/documents/document/history-kept/",
        "what-if": "/admin/documents/document/whatif/",
        "members": "/admin/tenants/membership/",
        "member": f"/admin/tenants/membership/{member.pk}/change/",
        "member-add": "/admin/tenants/membership/add/",
        "preview": f"/admin/documents/document/preview/{member.pk}/",
        "preview-nothing": f"/admin/documents/document/preview/{member.pk}/?q=none",
        "held-changes": "/admin/acls/heldchange/",
        "held-change": f"/admin/acls/heldchange/{held.pk}/change/",
        "drift": "/admin/sync_events/driftmismatch/",
        "drift-mismatch": f"/admin/sync_events/driftmismatch/{mismatch.pk}/change/",
        "drift-checks": "/admin/sync_events/driftcheck/",
        "class-rules": "/admin/documents/classificationrule/",
        "class-rule": f"/admin/documents/classificationrule/{rule.pk}/change/",
        "access-rules": "/admin/acls/accessrule/",
        "access-rule": f"/admin/acls/accessrule/{narrowing.pk}/change/",
        "connection-add": "/admin/connections/connection/add/",
        "connection": f"/admin/connections/connection/{found.source.pk}/change/",
        "object": f"/admin/documents/document/{found.document.pk}/change/",
    }


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_pages_about_rights(
    acme: Stock,
    committed_world: World,
    signed_in_page: OpenPage,
    axe: str,
    screenshots: Path,
    width: int,
    scheme: str,
) -> None:
    page = signed_in_page(width=width, scheme=scheme)
    for name, path in _pages(committed_world, acme).items():
        response = page.goto(path)
        assert response is not None and response.status == 200, path
        check(page, axe, screenshots / f"{name}-{width}-{scheme}.png")


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_what_a_form_answers(
    acme: Stock, signed_in_page: OpenPage, axe: str, screenshots: Path, width: int, scheme: str
) -> None:
    page = signed_in_page(width=width, scheme=scheme)
    page.goto("/admin/documents/document/whatif/")
    expect(page.get_by_label("Place")).to_be_hidden()
    page.get_by_label("What changes").select_option("allow")
    expect(page.get_by_label("Group", exact=True)).to_be_hidden()
    page.get_by_label("In which source").select_option(label="acme files")
    page.get_by_label("Person or group concerned").fill("zoe@elsewhere.example")
    page.get_by_label("Place").fill("/nowhere")
    page.get_by_role("button", name="Show what would change").click()
    expect(page.get_by_text("The source names no “/nowhere”.")).to_be_visible()
    check(page, axe, screenshots / f"what-if-mistaken-{width}-{scheme}.png")
    page.get_by_label("Place").fill("/acme")
    page.get_by_role("button", name="Show what would change").click()
    expect(page.get_by_role("heading", name="Would open: 0 documents")).to_be_visible()
    check(page, axe, screenshots / f"what-if-answered-{width}-{scheme}.png")

    page.goto("/admin/documents/classificationrule/add/")
    page.get_by_label("Path").fill("acme/**")
    page.get_by_role("button", name="Count the documents first").click()
    expect(page.get_by_role("status").get_by_text("Nothing is saved yet")).to_be_visible()
    expect(page.get_by_text("Please correct")).to_have_count(0)
    check(page, axe, screenshots / f"class-rule-counted-{width}-{scheme}.png")


def test_names_stand_where_the_source_has_some_and_what_waits_no_more_is_not_shown(
    acme: Stock, committed_world: World, signed_in_page: OpenPage
) -> None:
    page = signed_in_page(width=1280, scheme="light")
    pages = _pages(committed_world, acme)
    page.goto(pages["held-change"])
    expect(page.get_by_text("Place /acme: acme staff may read")).to_be_visible()
    expect(page.get_by_text("gone")).to_have_count(0)
    page.goto(pages["drift-mismatch"])
    expect(page.get_by_role("heading", level=1)).to_contain_text("bo@acme.example, acme/plan.md")
    page.get_by_role("link", name="Explain how it is now").click()
    expect(page.get_by_role("heading", name="No, may not read it")).to_be_visible()
    expect(page.get_by_text("nobody in “acme files” is matched").first).to_be_visible()


def test_a_yes_or_no_of_a_folder_is_a_switch_that_keeps_its_state(
    signed_in_page: OpenPage, acme: Stock, tmp_path: Path, settings: LazySettings
) -> None:
    settings.KENWARD_FOLDER_ROOTS = [tmp_path]
    page = signed_in_page(width=1280, scheme="light")
    page.goto("/admin/connections/connection/add/")
    page.get_by_label("Name").fill("Server")
    page.get_by_label("Folder").fill(str(tmp_path))
    page.get_by_label("Who may read it").select_option("posix")
    page.get_by_role("checkbox", name="“Others” are all members").check()
    page.get_by_role("button", name="Save and continue editing").click()
    page.wait_for_url("**/change/")
    switch = page.get_by_role("checkbox", name="“Others” are all members")
    expect(switch).to_be_checked()
    switch.uncheck()
    page.get_by_role("button", name="Save and continue editing").click()
    page.wait_for_load_state()
    expect(page.get_by_role("checkbox", name="“Others” are all members")).not_to_be_checked()


def test_the_past_is_told_in_the_past_tense(
    acme: Stock, committed_world: World, signed_in_page: OpenPage
) -> None:
    page = signed_in_page(width=1280, scheme="light")
    page.wait_for_timeout(1_100)
    at = timezone.now()
    path = _pages(committed_world, acme)["why-yes"]
    page.goto(f"{path}&at={at:%Y-%m-%d %H:%M:%S}")
    expect(page.get_by_role("heading", name="Yes, could read it")).to_be_visible()
