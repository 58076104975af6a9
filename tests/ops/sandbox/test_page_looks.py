"""The sandbox's page in a browser: light and dark, wide and narrow, and without a mouse."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from apps.ops.sandbox import sample
from apps.ops.sandbox.page.app import app
from apps.ops.sandbox.sample import Sandbox
from apps.ops.sandbox.serve import serving
from tests.e2e.running import ROOT
from tests.e2e.test_looks import check
from tests.ops.sandbox.test_page import BEN, channel, document

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def box() -> Sandbox:
    return sample.build(["http://127.0.0.1:8000/back"])


@pytest.fixture(scope="module")
def base(box: Sandbox) -> Iterator[str]:
    with serving(app(box)) as url:
        yield url


@pytest.fixture(scope="module")
def axe() -> str:
    script = ROOT / ".peers" / "node_modules" / "axe-core" / "axe.min.js"
    if not script.exists():
        missing = "axe-core is not installed: run tests/peers/install.sh"
        if os.environ.get("KENWARD_REQUIRE_PEERS"):
            pytest.fail(missing)
        pytest.skip(missing)
    return script.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def screenshots() -> Path:
    folder = ROOT / ".pytest_cache" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def opened(browser: Browser, base: str, width: int = 1280, scheme: str = "light") -> Page:
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        base_url=base,
        bypass_csp=True,  # axe-core is a script; the page itself runs none
    )
    return context.new_page()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_pages(
    browser: Browser,
    box: Sandbox,
    base: str,
    axe: str,
    screenshots: Path,
    width: int,
    scheme: str,
) -> None:
    page = opened(browser, base, width, scheme)
    asked = f"client_id={box.slack.app.client_id}&scope=channels:read&redirect_uri=http://127.0.0.1"
    pages = {
        "drive": "/",
        "folder": f"/drive/{document(box, 'Board')}",
        "document": f"/drive/{document(box, 'Project Alder')}",
        "channels": "/channels",
        "channel": f"/channels/{channel(box, 'general')}",
        "people": "/people",
        "break": "/break",
        "requests": "/requests",
        "connect": "/connect",
        "gone": "/drive/nothing",
        "slack-consent": f"/slack/oauth/v2/authorize?{asked}",
    }
    page.goto("/slack/api/auth.test")
    for name, path in pages.items():
        page.goto(path)
        page.evaluate(
            "document.querySelectorAll('details').forEach((each, n) => { each.open = n < 3 })"
        )
        check(page, axe, screenshots / f"sandbox-{name}-{width}-{scheme}.png")
    page.context.close()


def test_sharing_by_keyboard(browser: Browser, box: Sandbox, base: str) -> None:
    page = opened(browser, base)
    item = document(box, "Salary benchmark")
    page.goto(f"/drive/{item}")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.get_by_label("Share with").focus()
    page.keyboard.type("Ben Okoro")
    for _ in range(3):
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Share", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("is shared with ben.okoro")
    assert BEN in box.drive.readers(item)
    page.context.close()


def test_consent_at_slack_comes_back_with_a_code(browser: Browser, box: Sandbox, base: str) -> None:
    context = browser.new_context(base_url=base)
    page = context.new_page()
    app_settings = box.slack.app
    page.goto(
        f"/slack/oauth/v2/authorize?client_id={app_settings.client_id}&scope=channels:read"
        f"&redirect_uri={base}/connect&state=abc"
    )
    page.get_by_label("You are").select_option(
        label="Ada Lindqvist (ada.lindqvist@tarnbrook.example)"
    )
    page.get_by_role("button", name="Allow").click()
    page.wait_for_url("**/connect?*")
    assert "code=" in page.url and "state=abc" in page.url
    context.close()
