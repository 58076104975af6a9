"""Marked extracts are safe HTML, whatever stands in a document or is asked."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.search.words import highlight
from apps.search.words.question import Wanted, understand

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


def test_accents_identifiers_and_stems_of_other_languages_are_marked() -> None:
    texts = [
        "Send your résumé.",
        "See user_guide.md and the DocumentFinder.",
        "Die Übersetzungen der Verträge",
        "It broke with ABC-123.",
    ]
    question = wanted("resume user_guide.md finder übersetzung abc123", "english", "german")
    assert highlight.extracts(texts, question) == [
        "Send your <mark>résumé</mark>.",
        "See <mark>user_guide.md</mark> and the Document<mark>Finder</mark>.",
        "Die <mark>Übersetzungen</mark> der Verträge",
        "It broke with <mark>ABC-123</mark>.",
    ]


def test_extract_is_the_part_where_most_of_the_question_stands() -> None:
    filler = "These words have nothing to do with it. " * 30
    text = f"One hotel here. {filler}The hotel in Oslo costs money. {filler}"
    (html,) = highlight.extracts([text], wanted("hotel in Oslo"))
    assert html.startswith("The <mark>hotel</mark> in <mark>Oslo</mark> costs money.")
    assert 35 <= len(html.split()) <= 60


def test_extract_of_a_long_text_without_a_word_of_the_question_is_its_beginning() -> None:
    text = " ".join(f"word{number}" for number in range(100))
    (html,) = highlight.extracts([text], wanted("hotel"))
    assert html == " ".join(f"word{number}" for number in range(60))
