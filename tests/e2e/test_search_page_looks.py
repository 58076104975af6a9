"""The search page in light and dark, wide and narrow, with the sample company, and by keyboard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.test_first_visit import BEN
from tests.e2e.test_looks import check

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PAGES = {
    "search-start": "/search/",
    "search-chips": "/search/?q=travel+budget+since+2020&kind=note",
    "search-by-meaning": "/search/?q=how+much+may+a+night+away+cost",
    "search-corrected": "/search/?q=trvael+policy",
    "search-listed": "/search/?kind=note",
    "search-no-results": "/search/?q=travel&kind=archive&since=2030-01-01",
}


def type_slowly(page: Page, text: str) -> None:
    box = page.get_by_role("combobox")
    box.fill("")
    box.press_sequentially(text, delay=30)
    expect(page.get_by_role("listbox")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_search_pages(
    signed_in: Callable[..., Page], axe: str, screenshots: Path, width: int, scheme: str
) -> None:
    page = signed_in(BEN, width=width, scheme=scheme)
    for name, path in PAGES.items():
        page.goto(path)
        check(page, axe, screenshots / f"{name}-{width}-{scheme}.png")
    page.goto("/search/?q=travel+budget")
    page.locator(".save-search > summary").click()
    page.locator("#save-name").fill(f"Budgets {width} {scheme}")
    check(page, axe, screenshots / f"search-save-{width}-{scheme}.png")
    page.locator(".save-search").get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved as")).to_be_visible()
    page.goto("/search/saved/")
    check(page, axe, screenshots / f"search-saved-{width}-{scheme}.png")
    page.goto("/search/?q=travel+budget")
    page.get_by_role("link", name="More like this").first.click()
    check(page, axe, screenshots / f"search-like-{width}-{scheme}.png")
    page.goto("/search/")
    type_slowly(page, "trav")
    check(page, axe, screenshots / f"search-suggestions-{width}-{scheme}.png")


def test_search_by_keyboard(signed_in: Callable[..., Page]) -> None:
    page = signed_in(BEN)
    page.goto("/search/?q=travel+budget")
    page.keyboard.press("?")
    expect(page.locator("details[data-keys]")).to_have_attribute("open", "")
    page.keyboard.press("/")
    expect(page.get_by_role("combobox")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator("[data-result]").first).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("combobox")).to_be_focused()
    type_slowly(page, "trav")
    page.keyboard.press("ArrowDown")
    chosen = page.locator("[role=option][aria-selected=true]")
    expect(chosen).to_have_count(1)
    expect(page.get_by_role("combobox")).to_have_attribute(
        "aria-activedescendant", chosen.get_attribute("id") or "none"
    )
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    type_slowly(page, "tra")
    page.keyboard.press("ArrowDown")
    chosen = page.locator("[role=option][aria-selected=true]")
    address = chosen.get_attribute("data-address") or ""
    assert address
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: address in url)


def test_search_without_javascript(running: object, signed_in: Callable[..., Page]) -> None:
    page = signed_in(BEN)
    browser = page.context.browser
    assert browser is not None
    context = browser.new_context(
        java_script_enabled=False,
        base_url=running.url,  # type: ignore[attr-defined]
        storage_state=page.context.storage_state(),
    )
    plain = context.new_page()
    plain.goto("/search/")
    plain.get_by_role("searchbox").fill("notes about travel")
    plain.get_by_role("button", name="Search").click()
    expect(plain.get_by_role("list", name="Filters")).to_contain_text("Note")
    plain.locator(".chip-remove").first.click()
    expect(plain.get_by_role("list", name="Filters")).to_have_count(0)
    context.close()
