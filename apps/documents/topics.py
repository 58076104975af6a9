"""Where a long text without headings changes its subject, by the words that come back or do not.

Hearst, "TextTiling: Segmenting Text into Multi-paragraph Subtopic Passages" (Computational
Linguistics 23(1), 1997), on sentences: the less the words before a place have in common with those
after it, and the deeper that valley is between its neighbours, the likelier a new subject begins.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from statistics import fmean, pstdev

_WORD = re.compile(r"[^\W\d_]{3,}")
# Long enough to tell words apart, short enough to join most of their forms.
_STEM_CHARACTERS = 6
# Sentences on each side that are compared, and how far from a valley its rims are looked for.
_WINDOW = 8
_RIM = 2 * _WINDOW
# A word in more than this share of the sentences says nothing about any of them.
_COMMON = 0.2
_LEAST_SENTENCES = 3 * _WINDOW
_LEAST_DEPTH = 0.15


def breaks(sentences: Sequence[str]) -> frozenset[int]:
    """Return after which sentences the subject changes.

    Args:
        sentences: of a text, in order.

    Returns:
        their places, from 0; none where the text is short or all of one piece.
    """
    if len(sentences) < _LEAST_SENTENCES:
        return frozenset()
    words = _telling(sentences)
    alike = [_likeness(words, place) for place in range(1, len(words))]
    depths = [_depth(alike, place) for place in range(len(alike))]
    limit = max(_LEAST_DEPTH, fmean(depths) + pstdev(depths))
    return frozenset(
        place
        for place, depth in enumerate(depths)
        if depth >= limit and _is_deepest_near(depths, place)
    )


def _is_deepest_near(depths: Sequence[float], place: int) -> bool:
    """Say whether no valley near is deeper, and none before it as deep."""
    before = depths[max(0, place - _WINDOW) : place]
    after = depths[place + 1 : place + _WINDOW + 1]
    return max(before, default=0.0) < depths[place] >= max(after, default=0.0)


def _telling(sentences: Sequence[str]) -> list[list[str]]:
    """Return each sentence's words as stems, without those that are everywhere."""
    stems = [
        [word.lower()[:_STEM_CHARACTERS] for word in _WORD.findall(sentence)]
        for sentence in sentences
    ]
    spread = Counter(stem for each in stems for stem in set(each))
    limit = _COMMON * len(sentences)
    return [[stem for stem in each if spread[stem] <= limit] for each in stems]


def _likeness(words: Sequence[Sequence[str]], place: int) -> float:
    """Return the cosine between the words before and after a place, from 0 to 1."""
    before = Counter(word for each in words[max(0, place - _WINDOW) : place] for word in each)
    after = Counter(word for each in words[place : place + _WINDOW] for word in each)
    norm = math.sqrt(sum(n * n for n in before.values()) * sum(n * n for n in after.values()))
    return sum(count * after[word] for word, count in before.items()) / norm if norm else 0.0


def _depth(alike: Sequence[float], place: int) -> float:
    """Return how far the likeness at a place lies below the rims of its valley."""
    left = max(alike[max(0, place - _RIM) : place + 1])
    right = max(alike[place : place + _RIM + 1])
    return left + right - 2 * alike[place]
