"""A collection is made, filled and shared with the keyboard alone, and its pages look right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.test_first_visit import BEN, COLIN
from tests.e2e.test_looks import ADA, check

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SignIn = Callable[..., Page]


def reach(page: Page, role: str, name: str) -> None:
    """Press Tab until the focus stands on an element; it has to be shown where it is."""
    for _ in range(80):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        if focused.count() and page.get_by_role(role, name=name, exact=False).and_(focused).count():  # type: ignore[arg-type]
            expect(focused).to_be_in_viewport()
            return
    raise AssertionError(f"no way by Tab to the {role} {name!r}")


def make(page: Page, name: str) -> None:
    page.goto("/collections/")
    reach(page, "textbox", "Name")
    page.keyboard.type(name)
    reach(page, "button", "Make it")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()


def test_made_filled_and_shared_without_a_mouse(signed_in: SignIn) -> None:
    ben = signed_in(BEN)
    make(ben, "Travel papers")
    ben.goto("/search/?q=travel+budget")
    reach(ben, "checkbox", "for a collection")
    ben.keyboard.press("Space")
    ben.locator("#add-results > summary").focus()
    ben.keyboard.press("Enter")
    reach(ben, "combobox", "Collection")
    ben.keyboard.type("Travel papers")
    reach(ben, "button", "Add")
    ben.keyboard.press("Enter")
    expect(ben.get_by_text("Added 1 document to “Travel papers”.")).to_be_visible()

    ben.goto("/collections/")
    reach(ben, "link", "Travel papers")
    ben.keyboard.press("Enter")
    reach(ben, "link", "Share")
    ben.keyboard.press("Enter")
    expect(ben.get_by_text("never opens a document")).to_be_visible()
    reach(ben, "searchbox", "Name, address or group")
    ben.keyboard.type("thwaite")
    ben.keyboard.press("Enter")
    reach(ben, "combobox", "What Colin")
    ben.keyboard.type("May also change")
    reach(ben, "button", "Share with Colin")
    ben.keyboard.press("Enter")
    expect(ben.get_by_text("Shared with Colin")).to_be_visible()

    colin = signed_in(COLIN)
    colin.goto("/collections/")
    colin.get_by_role("link", name="Travel papers").click()
    expect(colin.get_by_role("button", name="Save")).to_be_hidden()
    expect(colin.get_by_text("Rename")).to_be_visible()

    reach(ben, "button", "Remove Colin")
    ben.keyboard.press("Enter")
    expect(ben.get_by_text("does not have it any more")).to_be_visible()
    colin.reload()
    expect(colin.get_by_role("heading", name="404")).to_be_hidden()
    expect(colin.get_by_text("Travel papers")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_pages_of_sharing_look_right(
    signed_in: SignIn, axe: str, screenshots: Path, width: int, scheme: str
) -> None:
    def picture(name: str) -> Path:
        return screenshots / f"{name}-{width}-{scheme}.png"

    page = signed_in(BEN, width=width, scheme=scheme)
    name = f"Reading list with a long name for {width} pixels, {scheme}"
    make(page, name)
    check(page, axe, picture("collection-empty"))
    collection = page.url
    page.goto("/search/?q=travel+budget")
    page.get_by_role("checkbox").nth(0).check()
    page.get_by_role("checkbox").nth(1).check()
    check(page, axe, picture("search-ticked"))
    page.locator("#add-results > summary").click()
    page.get_by_label("Collection", exact=True).select_option(label=name)
    check(page, axe, picture("search-adding"))
    page.get_by_role("button", name="Add", exact=True).click()
    page.goto(collection)
    check(page, axe, picture("collection"))
    page.get_by_text("Rename").click()
    check(page, axe, picture("collection-renaming"))
    page.locator(".row-title a").first.click()
    page.get_by_text("Add to a collection").click()
    check(page, axe, picture("document-adding"))
    page.goto("/collections/")
    check(page, axe, picture("collections"))
    page.goto(f"{collection.replace('/collections/', '/share/collection/')}?q=co")
    page.get_by_role("button", name="Share with").first.click()
    page.goto(f"{page.url}?q=ad")
    check(page, axe, picture("share"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_a_delegated_source_looks_right(
    signed_in: SignIn, axe: str, screenshots: Path, width: int, scheme: str
) -> None:
    admin = signed_in(ADA, width=width, scheme=scheme)
    admin.goto("/admin/connections/connection/")
    admin.get_by_role("link", name="Tarnbrook Cycles folder").first.click()
    admin.get_by_role("button", name="Delegate").click()
    admin.goto(f"{admin.url.split('?')[0]}?q=ben.okoro")
    if admin.get_by_role("button", name="Share with").count():
        admin.get_by_label("What Ben").select_option("change")
        admin.get_by_role("button", name="Share with").click()
    check(admin, axe, screenshots / f"share-connection-{width}-{scheme}.png")
    ben = signed_in(BEN, width=width, scheme=scheme)
    ben.goto("/sources/")
    expect(ben.get_by_role("button", name="Sync now")).to_be_visible()
    check(ben, axe, screenshots / f"sources-{width}-{scheme}.png")
