"""A tenant that is connected to the source of a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from django.conf import LazySettings

from apps.connections import http, providers
from apps.connections.credentials import account
from tests.connections.conformance.bench import Bench
from tests.connections.conformance.mailbox import Mailbox, open_mailbox
from tests.connections.conformance.source import ADA, BO, CY, EVE, IDA, Source
from tests.world import World, make_member


@pytest.fixture(scope="session")
def mailbox() -> Iterator[Mailbox]:
    """Serve the place where sources send word to."""
    with open_mailbox() as found:
        yield found


Opening = Callable[[type[Source]], AbstractContextManager[Bench]]


@pytest.fixture
def opening(
    committed_world: World,
    tmp_path: Path,
    mailbox: Mailbox,
    settings: LazySettings,
    monkeypatch: pytest.MonkeyPatch,
) -> Opening:
    """Return what serves a kind of source, with a handful of items in it and a connection to it."""
    world = committed_world
    people = {ADA: world.ada, BO: world.bo, IDA: world.ida}
    people |= {each: make_member(world.acme, each) for each in (CY, EVE)}
    numbers = count(1)
    # What passes soon is tried again soon; how long Kenward waits is tested with its client.
    monkeypatch.setattr(http, "PAUSE_S", 0.005)

    @contextmanager
    def opened(kind: type[Source]) -> Iterator[Bench]:
        _adapt(kind, monkeypatch)
        number = next(numbers)
        folder = tmp_path / str(number)
        folder.mkdir()
        mailbox.take()
        with kind.running(folder, mailbox) as source:
            for name, value in source.environment().items():
                setattr(settings, name, value)
            found = Bench(source, world.acme, people, name=f"Source {number}")
            found.populate()
            yield found
            found.leave()

    return opened


@pytest.fixture
def bench(request: pytest.FixtureRequest, opening: Opening) -> Iterator[Bench]:
    """Serve the source that the test is parametrised with."""
    with opening(request.param) as found:
        yield found


def _adapt(kind: type[Source], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a kind of source be asked without a pace, and come in small pages."""
    if kind.registered is not None:
        monkeypatch.setitem(providers.REGISTRY, kind.kind, kind.registered)
    for name, size in kind.small_pages.items():
        monkeypatch.setattr(name, size)
    provider = providers.remote(kind.kind)
    if provider is not None:
        unhurried = replace(provider.capabilities, requests_per_s=10_000, burst=10_000)
        monkeypatch.setattr(provider, "capabilities", unhurried)
    account._delegated.clear()


@pytest.fixture
def page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a worker lay a run down after each page."""
    monkeypatch.setattr(providers, "slice_s", lambda kind: 0.0)
