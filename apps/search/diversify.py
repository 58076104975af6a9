"""Keeps one long document from filling the whole answer. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from apps.search.hits import Hit


def diversify(hits: Iterable[Hit], *, per_document: int) -> list[Hit]:
    """Return the hits in their order, at most `per_document` of each document."""
    taken: Counter[int] = Counter()
    kept = []
    for hit in hits:
        taken[hit.document_id] += 1
        if taken[hit.document_id] <= per_document:
            kept.append(hit)
    return kept
