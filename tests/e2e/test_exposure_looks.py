"""An exposure dry run in a browser: asked for, followed and read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.db import transaction
from playwright.sync_api import Page, expect

from apps.connections import change
from apps.sync_events.exposure import collect
from apps.sync_events.exposure.models import ExposureReport
from apps.tenants.context import tenant_context
from tests.e2e.test_looks import check
from tests.sync_events.folder import Folder, connect
from tests.world import World

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.usefixtures("beside_the_browser_s_loop"),
]

SIZES = [(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]
OpenPage = Callable[..., Page]
MANIFEST = """
version: 1
groups:
  staff: {members: [ada@acme.example, bo@acme.example, zoe.with.a.long.name@elsewhere.example]}
folders:
  ".": {readers: [staff]}
  finance: {readers: [ada@acme.example], inherit: false}
  archive: {readers: [], inherit: false}
  gone: {readers: [staff]}
"""


@pytest.fixture
def folder(committed_world: World, tmp_path: Path, settings: LazySettings) -> Folder:
    """Return a folder that was chosen and not started."""
    settings.WHITENOISE_AUTOREFRESH = True
    settings.KENWARD_FOLDER_ROOTS = [tmp_path]
    path = tmp_path / "share"
    path.mkdir()
    (path / "kenward.yaml").write_text(MANIFEST)
    made = connect(committed_world.acme, path, access="manifest")
    made.write(handbook="# H", finance__budget="# B", archive__old="# O")
    (path / "a-rather-long-name-of-a-folder" / "below" / "another").mkdir(parents=True)
    (path / "a-rather-long-name-of-a-folder" / "below" / "another" / "scan.pdf").write_text("x")
    with tenant_context(made.tenant):
        change.pause(connection=made.connection, actor=committed_world.ida)
    return made


def work_off(folder: Folder) -> None:
    with tenant_context(folder.tenant):
        with transaction.atomic():
            report = ExposureReport.objects.latest("pk")
        while collect.work(report.pk) is collect.Outcome.MORE:
            pass


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_asked_for_followed_and_read(
    folder: Folder,
    signed_in_page: OpenPage,
    axe: str,
    screenshots: Path,
    width: int,
    scheme: str,
) -> None:
    def look(name: str) -> None:
        check(page, axe, screenshots / f"exposure-{name}-{width}-{scheme}.png")

    page = signed_in_page(width=width, scheme=scheme)
    page.goto(f"/admin/connections/connection/{folder.connection.pk}/change/")
    expect(page.get_by_text("Nothing was compared with this source yet.")).to_be_visible()
    look("hint")
    page.get_by_role("button", name="Exposure dry run").click()
    expect(page.get_by_role("heading", name="How far it is")).to_be_visible()
    expect(page.locator("#kw-exposure")).to_contain_text("Queued")
    look("waits")
    work_off(folder)
    expect(page.get_by_role("heading", name="What is public")).to_be_visible(timeout=15_000)
    expect(page.get_by_text("Nothing: every document is for people and groups")).to_be_visible()
    expect(page.get_by_role("row", name="zoe.with.a")).to_contain_text("2")
    look("report")
    page.screenshot(path=screenshots / f"exposure-whole-{width}-{scheme}.png", full_page=True)
    page.goto(f"/admin/connections/connection/{folder.connection.pk}/change/")
    page.get_by_label("Who may read it").select_option("all_members")
    page.get_by_role("button", name="Preview who would gain access").click()
    page.wait_for_url("**/exposurereport/**")
    work_off(folder)
    expect(page.get_by_role("row", name="All members")).to_contain_text("4", timeout=15_000)
    look("preview")
    page.goto("/admin/sync_events/exposurereport/")
    look("list")


def test_a_new_connection_is_looked_at_first(
    folder: Folder, signed_in_page: OpenPage, axe: str, screenshots: Path
) -> None:
    page = signed_in_page(width=1280, scheme="light")
    page.goto("/admin/connections/connection/add/")
    page.get_by_label("Name").fill("Second")
    page.get_by_label("Folder").fill(str(folder.path / "finance"))
    page.get_by_label("Who may read it").select_option("all_members")
    check(page, axe, screenshots / "exposure-add-1280-light.png")
    page.get_by_role("button", name="Connect, and preview before anything is synced").click()
    page.wait_for_url("**/exposurereport/**")
    work_off(folder)
    expect(page.get_by_role("row", name="All members")).to_contain_text("1", timeout=15_000)
    page.get_by_role("link", name="The connection").click()
    expect(page.get_by_text("Paused", exact=True).first).to_be_visible()
