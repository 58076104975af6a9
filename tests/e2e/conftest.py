"""A running Kenward and a browser, shared by all end-to-end tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from tests import world
from tests.e2e.running import ROOT, Running
from tests.world import World


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("kenward")
    (folder / "shares").mkdir()
    kenward = Running(
        folder / "var", environment={"KENWARD_FOLDER_ROOTS": str(folder / "shares")}
    ).start()
    try:
        kenward.wait_for("ready ", timeout_s=120)
        yield kenward
    finally:
        kenward.stop()


@pytest.fixture
def signed_in(running: Running, browser: Browser) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a browser of its own for a person, signed in."""
    contexts = []

    def sign_in(email: str, *, width: int = 1280, scheme: str = "light") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 860},
            color_scheme="dark" if scheme == "dark" else "light",
            base_url=running.url,
        )
        contexts.append(context)
        page = context.new_page()
        page.goto("/accounts/login/")
        page.get_by_label("E-mail").fill(email)
        page.get_by_label("Password", exact=False).first.fill(running.passwords()[email])
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_load_state()
        return page

    yield sign_in
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def beside_the_browser_s_loop() -> Iterator[None]:
    """Let tests fill and empty the database in the thread in which Playwright's loop lives."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield


@pytest.fixture
def opened(live_server: LiveServer, browser: Browser) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a browser at the test's own server, with nobody signed in."""
    contexts = []

    def open_page(*, width: int, scheme: str) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
            base_url=live_server.url,
        )
        contexts.append(context)
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def signed_in_page(
    committed_world: World, live_server: LiveServer, opened: Callable[..., Page]
) -> Callable[..., Page]:
    """Return a function that opens a browser at the test's own server as Ida."""

    def open_page(*, width: int, scheme: str) -> Page:
        page = opened(width=width, scheme=scheme)
        session = world.signed_in(committed_world.ida).cookies["sessionid"].value
        cookie = {"name": "sessionid", "value": session, "url": live_server.url}
        page.context.add_cookies([cookie])  # type: ignore[list-item]  # its other keys are optional
        return page

    return open_page


@pytest.fixture(scope="session")
def axe() -> str:
    """Return axe-core's script, from the peers that tests/peers/install.sh installs."""
    script = ROOT / ".peers" / "node_modules" / "axe-core" / "axe.min.js"
    if not script.exists():
        missing = "axe-core is not installed: run tests/peers/install.sh"
        if os.environ.get("KENWARD_REQUIRE_PEERS"):
            pytest.fail(missing)
        pytest.skip(missing)
    return script.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """Return the folder where pages are kept to be looked at."""
    folder = ROOT / ".pytest_cache" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
