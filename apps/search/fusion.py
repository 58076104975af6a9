"""Merges what the two searches found into one list. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from apps.search.hits import Hit

# Tuned on the development questions of three collections (docs/quality.md), where it beats the sum
# of reciprocal ranks on each.
_LEXICAL = 0.3
# What a passage has at most that is not among the nearest lies below the last of them.
_BELOW_LAST = 0.02
# What is found by the question in other words counts a little less than by its own.
_IN_OTHER_WORDS = 0.9


def fuse(lexical: Sequence[Hit], vector: Sequence[Hit]) -> list[Hit]:
    """Return every passage once, best first, by a convex combination of its two scores.

    Scores and not ranks: how far the first is ahead of the second says something. BM25 counts as
    a share of the best, 0 to 1; the cosine as it is.

    Args:
        lexical: best first, with BM25 scores of at least 0.
        vector: best first, with cosines.

    Source: Bruch, Gai, Ingber, TOIS 42 (2023), https://arxiv.org/abs/2210.11934.
    """
    best = max((hit.score for hit in lexical), default=0.0) or 1.0
    floor = min((hit.score for hit in vector), default=0.0) - _BELOW_LAST
    words = {hit.chunk_id: hit for hit in lexical}
    meanings = {hit.chunk_id: hit for hit in vector}
    fused = []
    for chunk_id, hit in {**meanings, **words}.items():
        word, meaning = words.get(chunk_id), meanings.get(chunk_id)
        share = word.score / best if word else 0.0
        cosine = meaning.score if meaning else floor
        evidence = tuple(each for one in (word, meaning) if one for each in one.evidence)
        score = _LEXICAL * share + (1 - _LEXICAL) * cosine
        fused.append(replace(hit, score=score, evidence=evidence))
    return _ordered(fused)


def join(own: Sequence[Hit], others: Sequence[Sequence[Hit]]) -> list[Hit]:
    """Return what a question found together with what it found in other words.

    Args:
        own: by the question itself, best first.
        others: lists by each of its other wordings.

    Returns:
        each passage once, by the best score that it has anywhere; with its evidence from there.
    """
    joined: dict[int, Hit] = {hit.chunk_id: hit for hit in own}
    for hits in others:
        _take(joined, hits)
    return _ordered(joined.values())


def _take(joined: dict[int, Hit], hits: Sequence[Hit]) -> None:
    for hit in hits:
        less = replace(hit, score=hit.score * _IN_OTHER_WORDS)
        if hit.chunk_id not in joined or joined[hit.chunk_id].score < less.score:
            joined[hit.chunk_id] = less


def _ordered(hits: Iterable[Hit]) -> list[Hit]:
    # The id breaks ties, so that the same question gives the same order twice.
    return sorted(hits, key=lambda hit: (-hit.score, hit.chunk_id))
