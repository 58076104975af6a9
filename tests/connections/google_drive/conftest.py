"""A simulated Drive, served over HTTP; each request is held against Google's description."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from apps.ops.sandbox.drive.api import app
from apps.ops.sandbox.drive.company import DriveCompany
from apps.ops.sandbox.serve import serving
from tests.connections.google_drive.reed import Reed, founded
from tests.contracts.google_discovery import DIRECTORY, DRIVE, check_request, description


@pytest.fixture
def reed() -> Iterator[Reed]:
    """Return a company with people and groups, and no documents yet."""
    company = DriveCompany(seed=1)
    with serving(app(company)) as base:
        yield founded(company, base)
    for entry in company.journal.since(0):
        if entry.path.startswith("/drive"):
            check_request(entry, description(DRIVE))
        elif entry.path.startswith("/admin"):
            check_request(entry, description(DIRECTORY))
