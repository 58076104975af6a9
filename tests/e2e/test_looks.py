"""Every page in light and dark, wide and narrow: axe-core finds nothing, nothing overflows."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, expect

from tests.e2e.test_first_visit import BEN, ask

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ADA = "ada.lindqvist@tarnbrook.example"
EMPLOYEE_PAGES = {
    "chat-empty": "/chat/",
    "search": "/search/?q=travel+budget",
    "search-nothing": "/search/?q=zxqvwobbleflux",
    "missing": "/documents/00000000-0000-4000-8000-000000000000/",
}
# As streamed and as stored: no space before the comma and the full stop.
RECEIPT = re.compile(r"Checked [^,]*\w, confirmed by the source [^.]*\w\.")
_PICTURE_TRIES = 4
ADMIN_PAGES = {
    "admin-index": "/admin/",
    "objects-synced": "/admin/documents/document/",
    "sync-events": "/admin/sync_events/syncrun/",
    "connections": "/admin/connections/connection/",
}


def check(page: Page, axe: str, picture: Path) -> None:
    photograph(page, picture)
    page.evaluate(axe)
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    violations = [f"{each['id']}: {each['nodes'][0]['html'][:160]}" for each in found["violations"]]
    assert violations == [], f"{picture.name}: {violations}"
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(overflow) <= 0, f"{picture.name} scrolls sideways"
    hidden = "[...document.querySelectorAll('.kw-scroll')].map(t => t.scrollWidth - t.clientWidth)"
    assert all(each <= 0 for each in page.evaluate(hidden)), f"{picture.name} has a cut-off table"


def photograph(page: Page, picture: Path) -> None:
    """Keep what the page looks like, to be looked at; no test compares it."""
    for _ in range(_PICTURE_TRIES - 1):
        try:
            page.screenshot(path=picture, full_page=False)
        except PlaywrightError:
            # Without a GPU, Chromium gives up on a frame that a busy machine draws too slowly.
            page.wait_for_timeout(500)
        else:
            return
    page.screenshot(path=picture, full_page=False)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_employee_pages(
    signed_in: Callable[..., Page], axe: str, screenshots: Path, width: int, scheme: str
) -> None:
    page = signed_in(BEN, width=width, scheme=scheme)
    for name, path in EMPLOYEE_PAGES.items():
        page.goto(path)
        check(page, axe, screenshots / f"{name}-{width}-{scheme}.png")
    ask(page, "What is the travel budget for 2027?")
    check(page, axe, screenshots / f"chat-{width}-{scheme}.png")
    receipt = page.locator(".source-receipt").first
    if not receipt.is_visible():
        page.locator(".sources > summary").click()
    receipt.locator("summary").click()
    expect(receipt).to_contain_text(RECEIPT)
    check(page, axe, screenshots / f"chat-receipt-{width}-{scheme}.png")
    page.reload()
    expect(page.locator(".source-receipt").first).to_contain_text(RECEIPT)
    page.goto(page.locator("a.cite").first.get_attribute("href") or "")
    check(page, axe, screenshots / f"document-{width}-{scheme}.png")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_admin_pages(
    signed_in: Callable[..., Page], axe: str, screenshots: Path, width: int, scheme: str
) -> None:
    page = signed_in(ADA, width=width, scheme=scheme)
    for name, path in ADMIN_PAGES.items():
        page.goto(path)
        check(page, axe, screenshots / f"{name}-{width}-{scheme}.png")
    page.goto("/admin/sync_events/syncrun/")
    page.locator("#result_list th a, table th a").first.click()
    check(page, axe, screenshots / f"sync-run-{width}-{scheme}.png")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_sign_in_page(
    running: object, browser: object, axe: str, screenshots: Path, scheme: str
) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": 390, "height": 860})  # type: ignore[attr-defined]
    page = context.new_page()
    page.goto(f"{running.url}/accounts/login/")  # type: ignore[attr-defined]
    check(page, axe, screenshots / f"sign-in-390-{scheme}.png")
    context.close()
