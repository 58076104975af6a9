"""A second stage without a model: reads the passages' words beside the question's. Pure.

What the first search cannot see: whether a passage has *all* that was asked for, and whether the
words stand together. Encoding passages at query time would take more than a second here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from apps.search.release import Passage
from apps.search.second_stage.protocol import Asked, Word
from apps.search.words import terms

# Tuned on the development questions of three collections; see docs/quality.md.
_COVERAGE = 0.05
_CLOSENESS = 0.15
_DEPARTMENT = 0.05
# Words further apart than this say nothing about each other.
_NEAR_WORDS = 8
_WORD = re.compile(r"\w+")
_CACHED_WORDS = 1 << 16


class LocalRanker:
    """Adds to each passage's score how much of the question it covers, and how closely."""

    def scores(self, asked: Asked, passages: Sequence[Passage]) -> list[float]:
        """Return one score for each passage; see `Ranker`."""
        reader = _Reader(asked)
        return [reader.score(passage) for passage in passages]


class _Reader:
    """Finds the question's words in passages, and remembers what each written word stands for."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._total = sum(word.weight for word in asked.words)
        self._places = {term: n for n, word in enumerate(asked.words) for term in word.terms}
        # As they are written in the passages: words that were looked at, and those that count.
        self._seen: set[str] = set()
        self._found: dict[str, int] = {}
        self._department = frozenset(_WORD.findall(asked.department.lower()))

    def score(self, passage: Passage) -> float:
        """Return the passage's score with what was found in it."""
        found = passage.score + self._of_department(passage)
        if not self._total:
            return found
        above = " ".join([passage.title, *passage.heading_path])
        at = self._positions(passage.text)
        has = at.keys() | self._positions(above).keys()
        covered = sum(self._asked.words[place].weight for place in has) / self._total
        return found + _COVERAGE * covered + _CLOSENESS * self._closeness(at)

    def _positions(self, text: str) -> dict[int, list[int]]:
        """Return where each of the question's words stands, by its place in the question."""
        words = _WORD.findall(text.lower())
        written = set(words)
        self._look_at(written - self._seen)
        found: dict[int, list[int]] = {}
        if not written.isdisjoint(self._found):
            for position, word in enumerate(words):
                if word in self._found:
                    found.setdefault(self._found[word], []).append(position)
        return found

    def _look_at(self, written: set[str]) -> None:
        """Find out which of the question's words these are, if any."""
        self._seen |= written
        for word in written:
            for form in _forms(word, self._asked.languages):
                if form in self._places:
                    self._found[word] = self._places[form]
                    break

    def _closeness(self, at: dict[int, list[int]]) -> float:
        """Return how close neighbours in the question stand in the passage, 0 to 1."""
        pairs = [
            (one, other, apart)
            for one, other in pairwise(range(len(self._asked.words)))
            if one in at and other in at
            and (apart := _distance(at[one], at[other])) <= _NEAR_WORDS
        ]  # fmt: skip
        weights: Sequence[Word] = self._asked.words
        near = sum((weights[a].weight + weights[b].weight) / 2 / apart for a, b, apart in pairs)
        return near / self._total

    def _of_department(self, passage: Passage) -> float:
        if not self._department:
            return 0.0
        place = frozenset(_WORD.findall(f"{passage.path} {passage.title}".lower()))
        return _DEPARTMENT if self._department <= place else 0.0


@lru_cache(maxsize=_CACHED_WORDS)
def _forms(written: str, languages: tuple[str, ...]) -> tuple[str, ...]:
    words = list(terms.words(written))
    return tuple(
        form
        for word in words
        for language in languages
        for form in terms.forms(word.text, language)
    )


def _distance(one: Sequence[int], other: Sequence[int]) -> int:
    """Return the least distance between two ascending lists of positions, at least 1."""
    least = _NEAR_WORDS + 1
    at = 0
    for position in one:
        while at < len(other) - 1 and other[at] < position:
            at += 1
        near = other[max(at - 1, 0) : at + 1]
        least = min(least, *(abs(position - each) for each in near))
    return max(least, 1)
