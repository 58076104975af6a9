"""A browser on pages whose server the test itself plays."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.frontend.peer import Peer, running_peer

# What Chromium itself reports when the test's server hangs up or refuses.
_EXPECTED = ("WebSocket connection to",)


@pytest.fixture
def peer() -> Iterator[Peer]:
    with running_peer() as running:
        yield running


@pytest.fixture
def open_page(browser: Browser, peer: Peer) -> Iterator[Callable[..., Page]]:
    """Return a function that shows HTML in a new window; any fault in it fails the test."""
    faults: list[str] = []
    contexts = []

    def show(html: str, *, path: str = "/chat/", width: int = 1280, query: str = "") -> Page:
        peer.pages[path] = html
        context = browser.new_context(
            viewport={"width": width, "height": 800}, reduced_motion="reduce"
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(5_000)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        page.goto(f"{peer.url}{path}{query}")
        return page

    yield show
    for context in contexts:
        context.close()
    assert [fault for fault in faults if not fault.startswith(_EXPECTED)] == []
