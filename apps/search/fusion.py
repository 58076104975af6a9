"""Merges ranked lists into one. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from apps.search.hits import Hit

# What damps the first places; the authors' value, which has held up across collections.
K = 60


def fuse(*lists: Sequence[Hit], k: int = K) -> list[Hit]:
    """Return every passage once, best first, by the sum of 1 / (k + rank) over the lists.

    Args:
        lists: each best first, each passage at most once per list.
        k: the larger, the less a first place counts against two middling ones.

    Source: Cormack, Clarke, Büttcher, SIGIR 2009 (reciprocal rank fusion).
    """
    fused: dict[int, Hit] = {}
    for hits in lists:
        for rank, hit in enumerate(hits, start=1):
            before = fused.get(hit.chunk_id, replace(hit, score=0.0, evidence=()))
            fused[hit.chunk_id] = replace(
                before,
                score=before.score + 1 / (k + rank),
                evidence=before.evidence + hit.evidence,
            )
    # The id breaks ties, so that the same question gives the same order twice.
    return sorted(fused.values(), key=lambda hit: (-hit.score, hit.chunk_id))
