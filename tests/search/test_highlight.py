"""Marked extracts are safe HTML, whatever stands in a document or is asked."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.search import highlight, lexical

ATTACK = "<script>alert('hotel')</script> a hotel <img src=x onerror=alert(1)> & \"more\""


@pytest.mark.django_db
def test_words_of_the_question_are_marked_in_all_their_forms() -> None:
    (html,) = highlight.extracts(["Two hotels, one Hotel."], lexical.understand("hotel"))
    assert html == "Two <mark>hotels</mark>, one <mark>Hotel</mark>."


@pytest.mark.django_db
def test_markup_in_a_document_is_text() -> None:
    (html,) = highlight.extracts([ATTACK], lexical.understand("hotel script alert"))
    assert set(re.findall(r"<[^>]*>", html)) == {"<mark>", "</mark>"}
    assert "&lt;img src=x onerror=" in html


@pytest.mark.django_db
def test_markup_in_a_question_is_not_echoed() -> None:
    (html,) = highlight.extracts(["a hotel"], lexical.understand("<script>hotel</script>"))
    assert html == "a <mark>hotel</mark>"


@given(
    st.text(st.sampled_from(list("<>&\"' abhotel\ue000\ue001\n/")), max_size=80),
    st.text(st.sampled_from(list("<>&\"' hotel\ue000\ue001")), max_size=20),
)
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@pytest.mark.django_db
def test_nothing_but_marks_is_ever_a_tag(text: str, question: str) -> None:
    (html,) = highlight.extracts([text], lexical.understand(question))
    rest = html.replace("<mark>", "").replace("</mark>", "")
    assert not set(rest) & set("<>\"'\ue000\ue001")
    assert html.count("<mark>") == html.count("</mark>")


@pytest.mark.django_db
def test_question_of_stop_words_marks_nothing() -> None:
    assert highlight.extracts(["of the hotel"], lexical.understand("of the")) == ["of the hotel"]


@pytest.mark.django_db
def test_extracts_keep_the_order_of_their_texts() -> None:
    texts = [f"number {number}" for number in range(20)]
    assert highlight.extracts(texts, None) == texts
