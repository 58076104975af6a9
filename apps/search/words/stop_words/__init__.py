"""Words too common to tell passages apart, by language.

The lists are those that PostgreSQL ships for its full-text search (PostgreSQL licence), which come
from the Snowball project (BSD licence); a language without a file has none.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

_FOLDER = Path(__file__).parent


@lru_cache
def of(language: str) -> frozenset[str]:
    """Return a language's stop words, folded for case.

    Args:
        language: as in `languages`.
    """
    path = _FOLDER / f"{language}.txt"
    return frozenset(path.read_text(encoding="utf-8").split()) if path.exists() else frozenset()
