"""Drops what has nothing to do with the question, so that "nothing found" can be said. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from apps.search.hits import Hit

# Measured with MiniLM on the sample company: see the test of the floor.
MIN_COSINE = 0.30
MIN_WORD_SHARE = 0.5


def relevant(hits: Iterable[Hit]) -> list[Hit]:
    """Return the hits that are near the question in meaning, or have enough of its words."""
    return [hit for hit in hits if _is_near(hit) or _has_words(hit)]


def _is_near(hit: Hit) -> bool:
    return (hit.score_in("vector") or 0.0) >= MIN_COSINE


def _has_words(hit: Hit) -> bool:
    return (hit.score_in("lexical") or 0.0) >= MIN_WORD_SHARE
