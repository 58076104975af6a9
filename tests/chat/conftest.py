"""Fixtures of the chat tests: documents, the real ASGI server, and people who are signed in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import LazySettings

from tests.chat.live import Server
from tests.search.library import Library, make_library
from tests.world import World

TRAVEL = """# Travel policy

## Booking

Train tickets are booked through the desk at least nine days ahead. First class is allowed on
journeys longer than four hours.

## Hotels

A hotel may cost 140 euros a night in Lisbon and 165 euros a night in Oslo. Breakfast is paid
separately, up to 18 euros a day.
"""

BONUS = """# Bonus scheme

The bonus pool for 2026 is 142,000 euros. It is shared out in March by the board, in proportion to
the salary, and only to those who joined before July.
"""

FERRET = """# Office animals

The ferret called Bramble lives on the third floor and is fed on Tuesdays. Please do not feed it
cheese.
"""


@pytest.fixture
def library(committed_world: World, monkeypatch: pytest.MonkeyPatch) -> Library:
    """Return Acme's documents: Ada reads all three, Bo all but the bonus scheme."""
    library = make_library(committed_world.acme, monkeypatch)
    library.share("staff/", committed_world.ada, committed_world.bo)
    library.share("board/", committed_world.ada)
    library.add("staff/travel.md", TRAVEL, place="staff/")
    library.add("board/bonus.md", BONUS, place="board/")
    library.add("staff/ferret.md", FERRET, place="staff/")
    return library


@pytest.fixture
def server(committed_world: World, settings: LazySettings) -> Iterator[Server]:
    """Return the application behind uvicorn, on a port of its own."""
    with Server().running() as server:
        yield server
