"""Keeps one long document from filling the whole answer. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from apps.search.release import Passage


def diversify(passages: Iterable[Passage], *, per_document: int) -> list[Passage]:
    """Return them in their order, but what is beyond `per_document` of a document at the end.

    Nothing is dropped: where a single document answers, all of its passages are wanted.
    """
    taken: Counter[int] = Counter()
    first: list[Passage] = []
    surplus: list[Passage] = []
    for passage in passages:
        taken[passage.document_id] += 1
        is_first = taken[passage.document_id] <= per_document
        (first if is_first else surplus).append(passage)
    return first + surplus
