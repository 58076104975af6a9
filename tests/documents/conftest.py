"""The library of the search tests serves the tests of document pages too."""

from __future__ import annotations

from tests.search.conftest import committed_library, library

__all__ = ["committed_library", "library"]
