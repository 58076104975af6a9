"""Merging, thinning and dropping of hits."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from apps.search.diversify import diversify
from apps.search.fusion import fuse
from apps.search.hits import Evidence, Hit
from apps.search.relevance import MIN_COSINE, MIN_WORD_SHARE, relevant

ids = st.lists(st.integers(1, 30), unique=True, max_size=12)


def hit(chunk_id: int, stage: str = "lexical", rank: int = 1, score: float = 1.0) -> Hit:
    return Hit(chunk_id, chunk_id % 4, score, (Evidence(stage, rank, score),))  # type: ignore[arg-type]


def ranked(chunk_ids: list[int], stage: str) -> list[Hit]:
    return [hit(chunk_id, stage, rank) for rank, chunk_id in enumerate(chunk_ids, start=1)]


@given(ids, ids)
def test_fusion_keeps_every_passage_once(first: list[int], second: list[int]) -> None:
    fused = fuse(ranked(first, "lexical"), ranked(second, "vector"))
    assert sorted(h.chunk_id for h in fused) == sorted(set(first) | set(second))


@given(ids, ids)
def test_fused_scores_are_the_sums_of_reciprocal_ranks(first: list[int], second: list[int]) -> None:
    for found in fuse(ranked(first, "lexical"), ranked(second, "vector")):
        places = [e.rank for e in found.evidence]
        assert abs(found.score - sum(1 / (60 + place) for place in places)) < 1e-12


@given(ids, ids)
def test_better_in_both_lists_stays_better(first: list[int], second: list[int]) -> None:
    order = [h.chunk_id for h in fuse(ranked(first, "lexical"), ranked(second, "vector"))]
    for a in first:
        for b in first:
            if a in second and b in second:
                is_better = first.index(a) < first.index(b) and second.index(a) < second.index(b)
                assert not is_better or order.index(a) < order.index(b)


@given(ids)
def test_one_list_alone_keeps_its_order(only: list[int]) -> None:
    assert [h.chunk_id for h in fuse(ranked(only, "vector"), [])] == only


@given(ids, ids)
def test_fusion_does_not_depend_on_the_order_of_lists(first: list[int], second: list[int]) -> None:
    one, two = ranked(first, "lexical"), ranked(second, "vector")
    assert [h.chunk_id for h in fuse(one, two)] == [h.chunk_id for h in fuse(two, one)]


@given(ids, st.integers(1, 3))
def test_diversified_hits_begin_with_the_first_of_each_document(
    chunk_ids: list[int], most: int
) -> None:
    hits = ranked(chunk_ids, "vector")
    kept = diversify(hits, per_document=most)
    for document_id in range(4):
        of_document = [h for h in hits if h.document_id == document_id]
        assert [h for h in kept if h.document_id == document_id] == of_document
    rest = len(hits) - sum(min(most, sum(h.document_id == d for h in hits)) for d in range(4))
    head, surplus = kept[: len(kept) - rest], kept[len(kept) - rest :]
    assert max(Counter(h.document_id for h in head).values(), default=0) <= most
    assert head == [h for h in hits if h in head]
    assert surplus == [h for h in hits if h in surplus]


def test_far_passage_with_few_of_the_words_is_dropped() -> None:
    far = Hit(
        1,
        1,
        0.03,
        (Evidence("lexical", 1, MIN_WORD_SHARE - 0.1), Evidence("vector", 1, MIN_COSINE - 0.1)),
    )
    assert relevant([far]) == []


def test_near_passage_stays_without_any_of_the_words() -> None:
    near = hit(1, "vector", score=MIN_COSINE)
    assert relevant([near]) == [near]


def test_passage_with_the_words_stays_however_far() -> None:
    worded = hit(1, "lexical", score=MIN_WORD_SHARE)
    assert relevant([worded]) == [worded]
