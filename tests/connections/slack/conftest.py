"""A simulated workspace, served over HTTP, and connectors to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from apps.ops.sandbox.serve import serving
from apps.ops.sandbox.slack.api import app
from apps.ops.sandbox.slack.workspace import SlackWorkspace
from tests.connections.slack.tarn import Tarn, founded
from tests.contracts.slack_swagger import check_request


@pytest.fixture
def tarn() -> Iterator[Tarn]:
    """Return a company with people, channels and the installed app; each request is checked."""
    workspace = SlackWorkspace("Tarn", "tarn")
    with serving(app(workspace)) as base:
        yield founded(workspace, base)
        for entry in workspace.journal.since(0):
            if "/api/" in entry.path:
                check_request(entry)
    workspace.close()
