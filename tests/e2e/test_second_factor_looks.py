"""Setting up a second factor, using it and taking it away, in light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import LazySettings
from playwright.sync_api import Page, expect

from tests.accounts import totp
from tests.e2e.test_looks import check
from tests.world import PASSWORD, World

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.usefixtures("beside_the_browser_s_loop"),
]


def give_password(page: Page, email: str) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=False).first.fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_load_state()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_pages_of_the_second_factor(
    committed_world: World,
    opened: Callable[..., Page],
    settings: LazySettings,
    axe: str,
    screenshots: Path,
    width: int,
    scheme: str,
) -> None:
    settings.WHITENOISE_AUTOREFRESH = True

    def look(page: Page, name: str) -> None:
        check(page, axe, screenshots / f"second-factor-{name}-{width}-{scheme}.png")

    page = opened(width=width, scheme=scheme)
    give_password(page, committed_world.ada.email)
    page.goto("/accounts/2fa/")
    look(page, "none")
    page.get_by_role("link", name="Set up an app").click()
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    look(page, "password")
    page.get_by_label("Password", exact=False).first.fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator("code.secret")).to_be_visible()
    look(page, "set-up")
    page.get_by_label("code", exact=False).fill("000000")
    page.get_by_role("button", name="Finish").click()
    expect(page.locator(".errorlist")).to_be_visible()
    look(page, "set-up-mistaken")
    secret = page.locator("code.secret").inner_text().replace(" ", "")
    page.get_by_label("code", exact=False).fill(totp.code(secret))
    page.get_by_role("button", name="Finish").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    look(page, "recovery-codes")
    page.get_by_role("link", name="Make new ones").click()
    look(page, "recovery-codes-new")
    page.get_by_role("link", name="Keep the old ones").click()
    look(page, "have-one")

    other = opened(width=width, scheme=scheme)
    give_password(other, committed_world.ada.email)
    expect(other.get_by_role("heading", name="Your second factor")).to_be_visible()
    look(other, "code")
    other.get_by_label("Code").fill(totp.code(secret))
    other.get_by_role("button", name="Sign in").click()
    other.wait_for_url("**/chat/")

    page.get_by_role("link", name="Remove the app").click()
    look(page, "remove")
    page.get_by_role("button", name="Remove it").click()
    expect(page.get_by_role("link", name="Set up an app")).to_be_visible()
