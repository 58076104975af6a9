"""Connecting an account in a real browser, every page light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from apps.connections import providers
from apps.connections.models import AuthConfig, Connection, ConnectionState
from apps.ops.sandbox.drive.api import app
from apps.ops.sandbox.drive.company import DriveCompany
from apps.ops.sandbox.serve import serving
from tests import world as people
from tests.acls.reads import inside
from tests.connections.accounts.joined import CALLBACK, Source, sync
from tests.connections.accounts.source import KIND
from tests.e2e.test_looks import check
from tests.world import World

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.usefixtures("beside_the_browser_s_loop"),
]
SIZES = [(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]


@pytest.fixture
def desk(
    live_server: LiveServer,
    committed_world: World,
    monkeypatch: pytest.MonkeyPatch,
    settings: LazySettings,
) -> Iterator[Source]:
    """Serve a simulated Google with folders and files, and offer it to employees."""
    settings.WHITENOISE_AUTOREFRESH = True
    company = DriveCompany(seed=3)
    for name in ("ida", "ada"):
        company.add_user(f"{name}@example.com", is_admin=name == "ida")
        plans = company.add_folder("Plans", owner=f"{name}@example.com")
        company.add_folder("Travel", into=plans)
        company.add_folder("Letters", owner=f"{name}@example.com")
        company.add_file("Packing list.txt", b"Socks and a map.", owner=f"{name}@example.com")
    client = company.add_client([f"{live_server.url}{CALLBACK}"])
    path = "tests.connections.accounts.source.Desk"
    monkeypatch.setitem(providers.REGISTRY, KIND, ("Desk", path))
    with serving(app(company)) as base:
        settings.KENWARD_SOURCE_HOSTS = [base.removeprefix("http://")]
        source = Source(company, base, client.id, client.secret)
        source.config(committed_world.acme, name="Desks", allows_writes=True)
        yield source


@pytest.fixture
def page_of(
    live_server: LiveServer, opened: Callable[..., Page], committed_world: World
) -> Callable[..., Page]:
    """Return a function that opens a browser in which somebody is signed in."""

    def open_page(name: str, *, width: int, scheme: str) -> Page:
        page = opened(width=width, scheme=scheme)
        session = people.signed_in(getattr(committed_world, name)).cookies["sessionid"].value
        cookie = {"name": "sessionid", "value": session, "url": live_server.url}
        page.context.add_cookies([cookie])  # type: ignore[list-item]  # its other keys are optional
        return page

    return open_page


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_an_employee_s_way(
    desk: Source, committed_world: World, page_of: Callable[..., Page], axe: str,
    screenshots: Path, width: int, scheme: str,
) -> None:  # fmt: skip
    page, world = page_of("ada", width=width, scheme=scheme), committed_world

    def look(name: str) -> None:
        check(page, axe, screenshots / f"accounts-{name}-{width}-{scheme}.png")

    page.goto("/chat/")
    page.locator("details.menu > summary").click()
    page.get_by_role("link", name="Connect your sources").click()
    look("none")
    page.get_by_role("button", name="Connect Desks").click()
    # A form's redirects are held against the page's policy; going on by itself is not.
    page.wait_for_url(f"{desk.base}/**")
    page.get_by_label("ada@example.com").check()
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_role("heading", name="Choose what to sync")).to_be_visible()
    assert "code=" not in page.url and "state=" not in page.url
    look("choose")
    page.get_by_role("button", name="Open Plans").press("Enter")
    page.get_by_label("Travel").check()
    look("choose-open")
    page.get_by_role("button", name="Close Plans").click()
    expect(page.get_by_text("in no branch that is open")).to_be_visible()
    page.get_by_role("button", name="Start syncing").click()
    sync(world.acme)
    page.goto("/connections/")
    expect(page.get_by_text("Synced", exact=True)).to_be_visible()
    look("one")
    page.get_by_role("link", name="Objects Synced of").click()
    expect(page.get_by_role("link", name="Packing list.txt")).to_be_visible()
    look("documents")
    page.go_back()
    page.get_by_role("link", name="Sync Events of").click()
    look("events")
    with inside(world.acme):
        Connection.objects.transition(
            Connection.objects.get().pk,
            ConnectionState.NEEDS_ATTENTION,
            reason="The source does not accept the account any more.",
        )
    page.goto("/connections/")
    expect(page.get_by_role("button", name="Reconnect")).to_be_visible()
    look("stopped")
    page.get_by_role("link", name="Disconnect").click()
    look("disconnect")
    page.get_by_label("Delete it from Kenward").check()
    page.get_by_role("button", name="Disconnect").click()
    expect(page.get_by_text("is disconnected")).to_be_visible()
    look("ended")


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_an_it_admin_s_way(
    desk: Source, committed_world: World, page_of: Callable[..., Page], axe: str,
    screenshots: Path, width: int, scheme: str,
) -> None:  # fmt: skip
    page, world = page_of("ida", width=width, scheme=scheme), committed_world

    def look(name: str) -> None:
        check(page, axe, screenshots / f"admin-accounts-{name}-{width}-{scheme}.png")

    page.goto("/admin/connections/authconfig/")
    look("configs")
    page.goto(f"/admin/connections/authconfig/add/?kind={KIND}")
    look("config-add")
    with inside(world.acme):
        config = AuthConfig.objects.get()
    page.goto(f"/admin/connections/authconfig/{config.pk}/change/")
    look("config")
    page.goto(f"/admin/connections/connection/add/?kind={KIND}")
    look("connect")
    page.get_by_label("Name").fill("Company desks")
    page.get_by_role("button", name="Connect account").click()
    page.wait_for_url(f"{desk.base}/**")
    page.get_by_label("ida@example.com").check()
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_role("link", name="Choose what to sync")).to_be_visible()
    look("connection")
    page.get_by_role("link", name="Choose what to sync").click()
    page.get_by_role("button", name="Open Plans").click()
    page.get_by_label("Travel").check()
    look("choose")
    page.get_by_role("button", name="Save and start syncing").click()
    sync(world.acme)
    page.get_by_role("link", name="Reconnect").click()
    look("reconnect")
    page.go_back()
    page.get_by_role("link", name="Disconnect").click()
    look("disconnect")
    page.get_by_role("button", name="Disconnect").click()
    look("ended")


def test_the_picker_works_without_scripts(
    desk: Source, committed_world: World, page_of: Callable[..., Page], live_server: LiveServer
) -> None:
    page = page_of("ada", width=1280, scheme="light")
    page.route("**/*.js", lambda route: route.abort())
    page.goto("/connections/")
    page.get_by_role("button", name="Connect Desks").click()
    page.wait_for_url(f"{desk.base}/**")
    page.get_by_label("ada@example.com").check()
    page.get_by_role("button", name="Allow").click()
    page.get_by_role("button", name="Open Plans").click()
    page.get_by_label("Travel").check()
    page.get_by_role("button", name="Start syncing").click()
    expect(page.get_by_text("is synced from now on")).to_be_visible()
