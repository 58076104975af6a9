"""Puts the newer of two equally good passages first. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from apps.search.release import Passage

# Scores closer than this are equal: no stage of the search means so small a difference.
_EQUAL = 0.01
_NEVER = datetime.min.replace(tzinfo=UTC)


def first(passages: Sequence[Passage]) -> list[Passage]:
    """Return the passages in their order, those that are as good as their first by age.

    Args:
        passages: best first. Documents whose time of change is unknown count as the oldest.
    """
    ordered: list[Passage] = []
    equals: list[Passage] = []
    for passage in passages:
        if equals and equals[0].score - passage.score > _EQUAL:
            ordered += _by_age(equals)
            equals = []
        equals.append(passage)
    return ordered + _by_age(equals)


def _by_age(equals: Sequence[Passage]) -> list[Passage]:
    return sorted(equals, key=lambda one: one.modified_at or _NEVER, reverse=True)
