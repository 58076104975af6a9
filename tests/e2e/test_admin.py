"""What an IT admin does first: connect a folder and watch its sync."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.running import Running

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ADA = "ada.lindqvist@tarnbrook.example"

SignIn = Callable[..., Page]


@pytest.fixture
def handbook(running: Running) -> Path:
    """Make a folder where the running Kenward lets an IT admin connect one."""
    folder = running.data_dir.parent / "shares" / "handbook"
    folder.mkdir(exist_ok=True)
    for number in range(12):
        (folder / f"chapter-{number}.md").write_text(
            f"# Chapter {number}\n\nThe kiln in hall {number} is fired on Tuesdays.\n"
        )
    return folder


def test_it_admin_connects_a_folder_and_watches_its_sync(signed_in: SignIn, handbook: Path) -> None:
    ada = signed_in(ADA)
    ada.goto("/admin/connections/connection/add/")
    ada.get_by_label("Name").fill("Handbook")
    ada.get_by_label("Folder", exact=False).first.fill(str(handbook))
    ada.get_by_label(re.compile("Who may read", re.IGNORECASE)).select_option("all_members")
    ada.get_by_role("button", name="Save", exact=True).click()
    ada.goto("/admin/sync_events/syncrun/")
    expect(ada.get_by_role("link", name=re.compile("Handbook")).first).to_be_visible()
    expect(ada.locator("tr", has_text="Handbook").first).to_contain_text(
        re.compile("Succeeded", re.IGNORECASE), timeout=20_000
    )
    ada.goto("/admin/documents/document/?q=chapter-7")
    expect(ada.locator("#result_list, table").first).to_contain_text("chapter-7.md")
