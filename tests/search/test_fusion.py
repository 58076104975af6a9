"""Merging what the two searches found."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from apps.search.fusion import fuse, join
from apps.search.hits import Evidence, Hit
from apps.search.relevance import (
    MIN_COSINE,
    MIN_COSINE_BESIDE,
    MIN_WORD_SHARE,
    MIN_WORD_SHARE_BESIDE,
    relevant,
)

scores = st.dictionaries(st.integers(1, 30), st.floats(0.01, 40), max_size=12)
cosines = st.dictionaries(st.integers(1, 30), st.floats(-0.2, 1), max_size=12)


def hit(chunk_id: int, stage: str, score: float, rank: int = 1) -> Hit:
    return Hit(chunk_id, chunk_id % 4, score, (Evidence(stage, rank, score),))  # type: ignore[arg-type]


def ranked(found: dict[int, float], stage: str) -> list[Hit]:
    best_first = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
    return [hit(key, stage, score, rank) for rank, (key, score) in enumerate(best_first, start=1)]


def order(hits: list[Hit]) -> list[int]:
    return [each.chunk_id for each in hits]


@given(scores, cosines)
def test_every_passage_is_there_once_with_all_its_evidence(
    words: dict[int, float], near: dict[int, float]
) -> None:
    fused = fuse(ranked(words, "lexical"), ranked(near, "vector"))
    assert sorted(order(fused)) == sorted(words.keys() | near.keys())
    for one in fused:
        stages = {each.stage for each in one.evidence}
        assert stages == {
            name for name, had in (("lexical", words), ("vector", near)) if one.chunk_id in had
        }


@given(scores, cosines)
def test_better_by_both_stays_better(words: dict[int, float], near: dict[int, float]) -> None:
    fused = order(fuse(ranked(words, "lexical"), ranked(near, "vector")))
    both = [key for key in words if key in near]
    for one in both:
        for other in both:
            if words[one] > words[other] and near[one] > near[other]:
                assert fused.index(one) < fused.index(other)


@given(scores, cosines, st.data())
def test_a_better_cosine_never_makes_a_place_worse(
    words: dict[int, float], near: dict[int, float], data: st.DataObject
) -> None:
    if not near:
        return
    # The last of the list is what the others' floor hangs by.
    chosen = data.draw(st.sampled_from(sorted(near, key=near.__getitem__, reverse=True)))
    better = near | {chosen: near[chosen] + 0.3}
    if min(better.values()) != min(near.values()):
        return
    before = order(fuse(ranked(words, "lexical"), ranked(near, "vector"))).index(chosen)
    after = order(fuse(ranked(words, "lexical"), ranked(better, "vector"))).index(chosen)
    assert after <= before


@given(cosines)
def test_one_list_alone_keeps_its_order(near: dict[int, float]) -> None:
    only = ranked(near, "vector")
    assert order(fuse([], only)) == order(only)


@given(scores, cosines)
def test_a_passage_that_is_not_near_lies_below_all_that_are(
    words: dict[int, float], near: dict[int, float]
) -> None:
    """With equal words, what the vector search did not find cannot pass what it found."""
    level = dict.fromkeys(words, 1.0)
    fused = {
        each.chunk_id: each.score for each in fuse(ranked(level, "lexical"), ranked(near, "vector"))
    }
    inside = [fused[key] for key in level if key in near]
    outside = [fused[key] for key in level if key not in near]
    assert not inside or not outside or max(outside) < min(inside)


@given(cosines, cosines)
def test_other_wordings_add_and_never_push_away(
    own: dict[int, float], other: dict[int, float]
) -> None:
    first, second = fuse([], ranked(own, "vector")), fuse([], ranked(other, "vector"))
    joined = {each.chunk_id: each.score for each in join(first, [second])}
    assert joined.keys() == own.keys() | other.keys()
    assert all(joined[each.chunk_id] >= each.score for each in first)


@given(cosines)
def test_the_same_question_twice_changes_nothing(own: dict[int, float]) -> None:
    fused = [replace(each, score=abs(each.score)) for each in fuse([], ranked(own, "vector"))]
    assert join(fused, [fused]) == join(fused, [])


def near_and_worded(cosine: float, share: float, chunk_id: int = 1) -> Hit:
    evidence = (Evidence("lexical", 1, share), Evidence("vector", 1, cosine))
    return Hit(chunk_id, chunk_id, 0.03, evidence)


def test_where_nothing_is_near_enough_nothing_is_found() -> None:
    far = [near_and_worded(MIN_COSINE - 0.01, MIN_WORD_SHARE - 0.01, n) for n in range(3)]
    assert relevant(far) == []
    assert relevant([]) == []


def test_beside_a_passage_that_is_about_it_others_may_be_further_off() -> None:
    about = near_and_worded(MIN_COSINE, 0, 1)
    further = near_and_worded(MIN_COSINE_BESIDE, 0, 2)
    worded = near_and_worded(0, MIN_WORD_SHARE_BESIDE, 3)
    nothing = near_and_worded(MIN_COSINE_BESIDE - 0.01, MIN_WORD_SHARE_BESIDE - 0.01, 4)
    assert relevant([further, about, nothing, worded]) == [further, about, worded]


def test_near_passage_stays_without_any_of_the_words() -> None:
    near = hit(1, "vector", MIN_COSINE)
    assert relevant([near]) == [near]


def test_passage_with_the_words_stays_however_far() -> None:
    worded = hit(1, "lexical", MIN_WORD_SHARE)
    assert relevant([worded]) == [worded]
