"""Keeps one long document from filling the whole answer. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from apps.search.hits import Hit


def diversify(hits: Iterable[Hit], *, per_document: int) -> list[Hit]:
    """Return the hits in their order, but what is beyond `per_document` of a document at the end.

    Nothing is dropped: where a single document answers, all of its passages are wanted.
    """
    taken: Counter[int] = Counter()
    first: list[Hit] = []
    surplus: list[Hit] = []
    for hit in hits:
        taken[hit.document_id] += 1
        (first if taken[hit.document_id] <= per_document else surplus).append(hit)
    return first + surplus
