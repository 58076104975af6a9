"""All sources that the suite runs through: one line for each."""

from __future__ import annotations

import pytest

from tests.connections.conformance.drive import CompanysDrive, OnesDrive
from tests.connections.conformance.folder import Folder
from tests.connections.conformance.notes import Notes
from tests.connections.conformance.slack import Slack
from tests.connections.conformance.source import Source, Verb

ALL: tuple[type[Source], ...] = (Folder, OnesDrive, CompanysDrive, Slack, Notes)


def having(*verbs: Verb) -> pytest.MarkDecorator:
    """Run a test with each source in which all of these can happen."""
    chosen = [source for source in ALL if source.has(*verbs)]
    return pytest.mark.parametrize("bench", chosen, indirect=True, ids=[s.name for s in chosen])


each = having()
