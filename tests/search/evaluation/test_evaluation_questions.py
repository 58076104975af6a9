"""Judged questions: their form, their split, and what a judged passage is found in."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.documents.passages import Span
from apps.search.evaluation import judgement_lines, questions
from apps.search.evaluation.questions import Judgement, NotQuestions, Question, Split

WORDS = "The travel budget of the whole company is two million crowns this year"

names = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=30
).filter(lambda text: text.strip() == text)
spans = st.one_of(
    st.none(), st.builds(lambda a, n: Span(a, a + n), st.integers(0, 999), st.integers(1, 999))
)
judgements = st.builds(Judgement, names, st.integers(0, 100), spans)


def test_a_public_collections_line_is_read() -> None:
    line = {
        "id": "qst_1",
        "question": "How large is it?",
        "expected_ids": ["d1"],
        "evidence": [
            {"doc_id": "d2", "text": "in its words", "in_text": True},
            {"doc_id": "d3", "text": "in other words", "in_text": False},
        ],
    }
    (found,) = questions.read([json.dumps(line), " "], where="test")
    assert found.grades == {"d1": 1, "d2": 1, "d3": 1}
    assert [one.text for one in found.judgements] == ["in its words", "", ""]


@given(st.lists(judgements, max_size=5, unique=True))
def test_what_is_written_is_read_back(judged: list[Judgement]) -> None:
    question = Question("q", "Why?", tuple(judged))
    assert list(questions.read([questions.written(question)], where="test")) == [question]


@given(st.lists(judgements, max_size=5))
def test_lines_of_a_form_are_read_back(judged: list[Judgement]) -> None:
    assert judgement_lines.read(judgement_lines.written(judged)) == judged


def test_the_address_of_a_document_page_names_its_passage() -> None:
    uuid = "0d0ae5f8-5a0b-4f43-9ad0-6a0b9d5c7e11"
    address = f"https://kenward.example/documents/{uuid}/?passage=120-480#passage"
    assert judgement_lines.read(f"{address} | 2\n") == [Judgement(uuid, 2, Span(120, 480))]


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"_id": "q"}',
        '{"_id": "q", "text": " "}',
        '{"_id": "q", "text": "?", "evidence": [{"doc_id": "d", "score": -1}]}',
        '{"_id": "q", "text": "?", "evidence": [{"doc_id": "d", "passage": "9-3"}]}',
        '{"_id": "q", "text": "?", "evidence": [{"score": 1}]}',
        '{"_id": "q", "text": "?", "evidence": {"doc_id": "d"}}',
        json.dumps({"_id": "q", "text": "x" * 2_001}),
    ],
)
def test_what_is_no_question_is_named_by_its_line(line: str) -> None:
    with pytest.raises(NotQuestions, match="Line 2 of sheet"):
        list(questions.read(['{"_id": "1", "text": "?"}', line], where="sheet"))


def test_a_question_stands_there_once() -> None:
    line = '{"_id": "1", "text": "?"}'
    with pytest.raises(NotQuestions, match="already"):
        list(questions.read([line, line], where="sheet"))


def test_every_question_is_on_one_side_of_the_split_and_stays_there() -> None:
    asked = [Question(f"q{number}", "?") for number in range(1_000)]
    dev, test = (questions.of_split(asked, side) for side in (Split.DEV, Split.TEST))
    assert {one.id for one in dev} | {one.id for one in test} == {one.id for one in asked}
    assert len(dev) + len(test) == 1_000 and 450 < len(dev) < 550
    assert [questions.is_for_development(f"q{n}") for n in range(4)] == [True, False, True, True]


def test_a_judged_passage_is_found_where_half_of_its_words_stand() -> None:
    wanted = Judgement("d", text=WORDS)
    assert wanted.is_in(0, 9, f"Budgets. {WORDS.upper()}! More.")
    assert wanted.is_in(0, 9, "the whole company is two million crowns this year")
    assert not wanted.is_in(0, 9, "the travel budget of another company")


def test_a_judged_span_is_found_where_the_passage_touches_it() -> None:
    wanted = Judgement("d", span=Span(100, 200))
    assert wanted.is_in(150, 400, "") and wanted.is_in(0, 101, "")
    assert not wanted.is_in(200, 300, "") and not wanted.is_in(0, 100, "")
