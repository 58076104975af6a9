"""Fixtures of the search tests."""

from __future__ import annotations

import pytest

from tests.search.library import Library, make_library
from tests.world import World


@pytest.fixture
def library(world: World, monkeypatch: pytest.MonkeyPatch) -> Library:
    """Return Acme's empty library, inside the test's transaction."""
    return make_library(world.acme, monkeypatch)


@pytest.fixture
def committed_library(committed_world: World, monkeypatch: pytest.MonkeyPatch) -> Library:
    """Return Acme's empty library, for tests with several connections."""
    return make_library(committed_world.acme, monkeypatch)
