"""What a question asks for: its words, in several languages, and its phrases."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.search.words.question import Wanted, understand


def understood(question: str, *languages: str) -> Wanted:
    found = understand(question, languages or ("english",))
    assert found is not None
    return found


def test_forms_of_one_word_in_several_languages_are_one_word() -> None:
    found = understood("running hotels", "english", "german")
    assert len(found.words) == 2
    assert set(found.weights) == {"run", "running", "hotel"}
    assert found.share({"run"}) == found.share({"running"}) == 0.5


def test_both_forms_of_an_accented_word_count_as_one_together() -> None:
    found = understood("acceptée", "french")
    assert sum(found.weights.values()) == 1
    assert len(found.words) == 1


def test_joined_word_is_had_as_a_whole_or_by_all_its_parts() -> None:
    found = understood("ABC-123 failed")
    assert len(found.words) == 2
    assert found.share({"abc123"}) == 0.5
    assert found.share({"abc", "123", "fail"}) == 1
    assert found.share({"abc"}) == 0
    assert found.weights["abc123"] < found.weights["abc"]


@pytest.mark.parametrize(
    ("question", "languages", "terms"),
    [
        ("the man of steel", ("english", "german"), {"man", "steel"}),
        ("die Häuser in Zürich", ("english", "german"), {"haus", "hous", "zurich"}),
        ("die casting", ("english",), {"die", "cast"}),
    ],
)
def test_stop_words_are_those_of_the_questions_own_language(
    question: str, languages: tuple[str, ...], terms: set[str]
) -> None:
    assert not set(understood(question, *languages).weights) & {"the", "of", "in"}
    assert terms & set(understood(question, *languages).weights)


def test_phrase_in_quotation_marks_has_to_be_there() -> None:
    found = understood('"weeks of paid leave" tickets')
    assert found.must_match == "('week' <2> 'paid' <-> 'leav')"
    assert found.required == {"week", "paid", "leav"}
    assert len(found.words) == 2


def test_quotation_marks_around_a_whole_question_ask_for_nothing_literal() -> None:
    assert understood("“When are hotels paid?”").phrases == ""
    assert understood('"hotels are paid"').phrases != ""


@pytest.mark.parametrize("question", ["", "of the", '""', '"of the"', "?!", "'"])
def test_question_without_words_asks_for_nothing(question: str) -> None:
    assert understand(question, ("english",)) is None


@given(
    st.text(st.sampled_from(list("ab-_.\"'“”<>&|!():*\\ 1é")), max_size=40),
    st.lists(st.sampled_from(["english", "german", "french"]), min_size=1, unique=True),
)
def test_any_question_can_be_understood(question: str, languages: list[str]) -> None:
    found = understand(question, languages)
    if found is not None:
        assert found.words
        assert found.required <= set(found.weights)
        assert found.share(found.weights) == 1
        assert found.share(()) == 0
        assert all(weight > 0 for weight in found.weights.values())
