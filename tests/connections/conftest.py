"""A real folder that the tests' tenants may connect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.connections.folders import Share


@pytest.fixture
def share(tmp_path: Path, settings: Any) -> Share:
    """Return an empty folder below an allowed root."""
    settings.KENWARD_FOLDER_ROOTS = [tmp_path]
    folder = tmp_path / "share"
    folder.mkdir()
    return Share(folder)
