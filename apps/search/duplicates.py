"""Lets near-identical passages and versions of a document stand once. Pure.

Copies of a policy lie in five folders, and each of its versions says nearly the same: without
this, the best answer fills the list and pushes the second best out.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from apps.search.release import Passage

_SHINGLE_WORDS = 4
# Share of the longer passage's shingles that both have. One changed sentence of ten leaves 0.9;
# two passages that share a boilerplate paragraph stay below.
_SAME = 0.8
_WORD = re.compile(r"\w+")
_NEVER = datetime.min.replace(tzinfo=UTC)


def collapse(passages: Sequence[Passage]) -> list[Passage]:
    """Return the passages in their order, of each group of near-identical ones only one.

    It stands in the place of the group's best. Which one it is, its documents decide: the one
    that was changed last. Passages of one document never stand for each other.

    Args:
        passages: best first.

    Returns:
        a part of them; `copies` counts the documents that each stands for beside its own.
    """
    groups = _groups(passages)
    kept: list[Passage] = []
    for group in groups:
        newest = max(group, key=_changed_at)
        others = {one.document_id for one in group} - {newest.document_id}
        kept.append(replace(newest, copies=len(others), score=group[0].score))
    return kept


def _groups(passages: Sequence[Passage]) -> list[list[Passage]]:
    """Return groups in the order of their best; each member is like the group's first."""
    groups: list[list[Passage]] = []
    sizes: list[int] = []
    having: dict[int, list[int]] = defaultdict(list)
    for passage in passages:
        shingles = _shingles(passage.text)
        shared = Counter(place for shingle in shingles for place in having.get(shingle, ()))
        same = (
            place
            for place, count in shared.most_common()
            if count >= _SAME * max(sizes[place], len(shingles))
            and all(one.document_id != passage.document_id for one in groups[place])
        )
        place = next(same, None)
        if place is not None:
            groups[place].append(passage)
            continue
        for shingle in shingles:
            having[shingle].append(len(groups))
        groups.append([passage])
        sizes.append(len(shingles))
    return groups


def _shingles(text: str) -> frozenset[int]:
    words = _WORD.findall(text.casefold())
    most = max(1, len(words) - _SHINGLE_WORDS + 1)
    return frozenset(hash(tuple(words[at : at + _SHINGLE_WORDS])) for at in range(most))


def _changed_at(passage: Passage) -> datetime:
    return passage.modified_at or _NEVER
