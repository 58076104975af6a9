"""What is left of the passages: duplicates, age, and how many of one document."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from apps.search.thinning import newer
from apps.search.thinning.diversify import diversify
from apps.search.thinning.duplicates import collapse
from tests.search.made_passages import passage

OLD, NEW = datetime(2024, 3, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
POLICY = (
    "Hotels in Oslo may cost 160 euros a night and hotels in Lisbon 140 euros. Receipts are kept"
    " for ten years. Whoever books later than nine days ahead asks the desk for the reason and"
    " writes it down in the form that lies on the shared drive of the travel desk."
)
OTHER = "The ferret Bramble is fed at noon by whoever sits next to its cage that day, with fish."


def test_copies_and_versions_stand_once_and_the_newest_is_shown() -> None:
    older = passage(POLICY, changed=OLD, score=0.9)
    newest = passage(POLICY.replace("140", "155"), changed=NEW, score=0.8)
    copy = passage(POLICY, changed=OLD, score=0.7)
    [shown, other] = collapse([older, newest, passage(OTHER, score=0.75), copy])
    assert shown.chunk_id == newest.chunk_id
    assert (shown.score, shown.copies) == (0.9, 2), "in the place of the best, for two others"
    assert (other.text, other.copies) == (OTHER, 0)


def test_what_its_source_may_still_refuse_does_not_stand_for_others() -> None:
    asks = passage(POLICY, changed=NEW, asks=True)
    plain = passage(POLICY, changed=OLD)
    assert [one.chunk_id for one in collapse([asks, plain])] == [plain.chunk_id]


def test_passages_of_one_document_never_stand_for_each_other() -> None:
    twice = [passage(POLICY, document=7), passage(POLICY, document=7)]
    assert collapse(twice) == twice


def test_a_short_passage_is_not_swallowed_by_a_long_one_that_contains_it() -> None:
    short = passage("Receipts are kept for ten years.")
    assert collapse([passage(POLICY), short])[1] == short


@given(st.lists(st.sampled_from([POLICY, OTHER, "a b", "", "x"]), max_size=8))
def test_nothing_that_differs_is_lost(texts: list[str]) -> None:
    kept = collapse([passage(text) for text in texts])
    assert [one.text for one in kept] == list(dict.fromkeys(texts))
    assert len(kept) + sum(one.copies for one in kept) == len(texts)


def test_newer_wins_among_equals_only() -> None:
    old = passage("a", changed=OLD, score=0.900)
    new = passage("b", changed=NEW, score=0.895)
    unknown = passage("c", score=0.900)
    worse = passage("d", changed=NEW, score=0.7)
    assert newer.first([old, unknown, new, worse]) == [new, old, unknown, worse]


@given(st.lists(st.floats(0, 1), max_size=10))
def test_without_dates_the_order_stays(scores: list[float]) -> None:
    passages = [passage("x", score=score) for score in sorted(scores, reverse=True)]
    assert newer.first(passages) == passages


@given(st.lists(st.integers(1, 4), max_size=12), st.integers(1, 3))
def test_what_is_beyond_the_most_of_a_document_comes_last(owners: list[int], most: int) -> None:
    passages = [passage("x", document=owner) for owner in owners]
    kept = diversify(passages, per_document=most)
    first = sum(min(most, count) for count in Counter(owners).values())
    head, surplus = kept[:first], kept[first:]
    assert max(Counter(one.document_id for one in head).values(), default=0) <= most
    assert head == [one for one in passages if one in head]
    assert surplus == [one for one in passages if one in surplus]
    assert len(kept) == len(passages)
