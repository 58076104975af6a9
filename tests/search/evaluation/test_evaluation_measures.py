"""The figures are trec_eval's."""

from __future__ import annotations

import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.search.evaluation.measures import measured

DOCUMENTS = [f"d{number}" for number in range(150)]


@settings(max_examples=200, deadline=None)
@given(
    grades=st.dictionaries(st.sampled_from(DOCUMENTS), st.integers(0, 4), min_size=1),
    ranking=st.lists(st.sampled_from(DOCUMENTS), unique=True, min_size=1, max_size=150),
)
def test_figures_equal_those_of_trec_eval(grades: dict[str, int], ranking: list[str]) -> None:
    if not any(grades.values()):
        grades["d0"] = 1
    names = {"ndcg_cut_10", "recall_10", "recall_100", "recip_rank"}
    scores = {document: float(-place) for place, document in enumerate(ranking)}
    judge = pytrec_eval.RelevanceEvaluator({"q": grades}, names)
    expected = judge.evaluate({"q": scores})["q"]
    found = measured(ranking, grades)
    assert found.ndcg_at_10 == pytest.approx(expected["ndcg_cut_10"])
    assert found.recall_at_10 == pytest.approx(expected["recall_10"])
    assert found.recall_at_100 == pytest.approx(expected["recall_100"])
    assert found.reciprocal_rank == pytest.approx(expected["recip_rank"])


def test_nothing_found_is_zero() -> None:
    found = measured([], {"d1": 1})
    assert (found.ndcg_at_10, found.recall_at_100, found.reciprocal_rank) == (0, 0, 0)


def test_without_a_relevant_document_there_is_no_figure() -> None:
    with pytest.raises(ValueError, match="relevant"):
        measured(["d1"], {"d1": 0})
