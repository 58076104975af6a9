"""Marked extracts are safe HTML, whatever stands in a document or is asked."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.search import highlight
from apps.search.question import Wanted, understand

ATTACK = "<script>alert('hotel')</script> a hotel <img src=x onerror=alert(1)> & \"more\""


def wanted(question: str, *languages: str) -> Wanted | None:
    return understand(question, languages or ("english",))


def test_words_of_the_question_are_marked_in_all_their_forms() -> None:
    (html,) = highlight.extracts(["Two hotels, one Hotel."], wanted("hotel"))
    assert html == "Two <mark>hotels</mark>, one <mark>Hotel</mark>."


def test_a_heading_does_not_run_into_what_stands_under_it() -> None:
    (html,) = highlight.extracts(["The hotel\n\nHotels may\ncost 140 euros."], wanted("hotel"))
    assert html == "The <mark>hotel</mark> · <mark>Hotels</mark> may cost 140 euros."


def test_markup_in_a_document_is_text() -> None:
    (html,) = highlight.extracts([ATTACK], wanted("hotel script alert"))
    assert set(re.findall(r"<[^>]*>", html)) == {"<mark>", "</mark>"}
    assert "&lt;img src=x onerror=" in html


def test_markup_in_a_question_is_not_echoed() -> None:
    (html,) = highlight.extracts(["a hotel"], wanted("<script>hotel</script>"))
    assert html == "a <mark>hotel</mark>"


@given(
    st.text(st.sampled_from(list("<>&\"' abhotel\n/")), max_size=80),
    st.text(st.sampled_from(list("<>&\"' hotel")), max_size=20),
)
@settings(max_examples=100, deadline=None)
def test_nothing_but_marks_is_ever_a_tag(text: str, question: str) -> None:
    (html,) = highlight.extracts([text], wanted(question))
    rest = html.replace("<mark>", "").replace("</mark>", "")
    assert not set(rest) & set("<>\"'")
    assert html.count("<mark>") == html.count("</mark>")


def test_question_of_stop_words_marks_nothing() -> None:
    assert highlight.extracts(["of the hotel"], wanted("of the")) == ["of the hotel"]


def test_extracts_keep_the_order_of_their_texts() -> None:
    texts = [f"number {number}" for number in range(20)]
    assert highlight.extracts(texts, None) == texts
