"""Drops what has nothing to do with the question, so that "nothing found" can be said. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from apps.search.hits import Hit

# Measured with MiniLM on the sample company and on 300 files of a public handbook: of 31 questions
# with an answer the best passage has 0.36 to 0.83 (median 0.63), of 20 from elsewhere 0.11 to 0.31.
# A model whose cosines lie higher drops less, which costs no answer.
MIN_COSINE = 0.32
MIN_WORD_SHARE = 0.6


def relevant(hits: Iterable[Hit]) -> list[Hit]:
    """Return the hits that are near the question in meaning, or have enough of its words."""
    return [hit for hit in hits if _is_near(hit) or _has_words(hit)]


def _is_near(hit: Hit) -> bool:
    return (hit.score_in("vector") or 0.0) >= MIN_COSINE


def _has_words(hit: Hit) -> bool:
    return (hit.score_in("lexical") or 0.0) >= MIN_WORD_SHARE
