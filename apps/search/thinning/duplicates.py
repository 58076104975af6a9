"""Lets near-identical passages and versions of a document stand once. Pure.

Copies of a policy lie in five folders, and each of its versions says nearly the same: without
this, the best answer fills the list and pushes the second best out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from apps.search.release import Passage

# Passages that are the same share the least of their shingles, too, by whatever order: only those
# that do are compared (Broder, 1997).
_SKETCH = 12
# Share of the longer passage's shingles that both have. One changed sentence of ten leaves 0.9;
# two passages that share a boilerplate paragraph stay below.
_SAME = 0.8
# Each as its hash, so that it is computed once; two that share one by chance change nothing.
Shingles = frozenset[int]
_NEVER = datetime.min.replace(tzinfo=UTC)


def collapse(passages: Sequence[Passage]) -> list[Passage]:
    """Return the passages in their order, of each group of near-identical ones only one.

    It stands in the place of the group's best. Which one it is, its documents decide: the one
    that was changed last, of those whose source need not be asked. Passages of one document never
    stand for each other.

    Args:
        passages: best first.

    Returns:
        a part of them; `copies` counts the documents that each stands for beside its own.
    """
    groups = _groups(passages)
    kept: list[Passage] = []
    for group in groups:
        # Whose source has the last word may still be refused, and would take the others with it.
        newest = max(group, key=lambda one: (not one.asks, _changed_at(one)))
        others = {one.document_id for one in group} - {newest.document_id}
        kept.append(replace(newest, copies=len(others), score=group[0].score))
    return kept


def _groups(passages: Sequence[Passage]) -> list[list[Passage]]:
    """Return groups in the order of their best; each member is like the group's first."""
    groups: list[list[Passage]] = []
    of_first: list[Shingles] = []
    having: dict[int, list[int]] = defaultdict(list)
    for passage in passages:
        shingles = _shingles(passage.text)
        sketch = sorted(shingles)[:_SKETCH]
        alike = dict.fromkeys(place for least in sketch for place in having.get(least, ()))
        same = (
            place
            for place in alike
            if _are_same(shingles, of_first[place])
            and all(one.document_id != passage.document_id for one in groups[place])
        )
        place = next(same, None)
        if place is not None:
            groups[place].append(passage)
            continue
        for least in sketch:
            having[least].append(len(groups))
        groups.append([passage])
        of_first.append(shingles)
    return groups


def _are_same(one: Shingles, other: Shingles) -> bool:
    return len(one & other) >= _SAME * max(len(one), len(other))


def _shingles(text: str) -> Shingles:
    """Return each run of four words."""
    words = text.casefold().split()
    if len(words) < 4:
        return frozenset([hash(tuple(words))])
    return frozenset(map(hash, zip(words, words[1:], words[2:], words[3:], strict=False)))


def _changed_at(passage: Passage) -> datetime:
    return passage.modified_at or _NEVER
