"""The words of a text: where they stand, what they are compared by, and that nothing gets lost."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.search.words import languages, stop_words, terms


def found(text: str) -> list[str]:
    return [word.text for word in terms.words(text)]


def stems(text: str, language: str = "english") -> set[str]:
    return {form for word in terms.words(text) for form in terms.forms(word.text, language)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ABC-123", ["abc", "123", "abc123"]),
        ("0x80070005", ["0x80070005"]),
        ("E1234", ["e1234"]),
        ("user_guide.md", ["user", "guide", "md", "userguide.md"]),
        ("DocumentFinder", ["document", "finder", "documentfinder"]),
        ("parseHTTPResponse", ["parse", "http", "response", "parsehttpresponse"]),
        ("max_retry_count", ["max", "retry", "count", "maxretrycount"]),
        ("org.kenward.Main", ["org", "kenward", "main", "org.kenward.main"]),
        ("v2.10.1", ["v2", "10", "1", "v2.10.1"]),
        ("2026-11-21", ["2026", "11", "21", "2026-11-21"]),
        ("mRNAs", ["m", "rnas", "mrnas"]),
        ("C++ and C#", ["c++", "and", "c#"]),
        ("R&D", ["r", "d", "r&d"]),
        ("the end. Next", ["the", "end", "next"]),
        ("company's", ["company", "s"]),
        ("東京都", ["東京", "京都"]),
        ("cafe\u0301", ["café"]),
        ("ﬁle", ["file"]),
        ("Ｆｕｌｌ", ["full"]),
        ("co\u00adoperate", ["cooperate"]),
        ("हिन्दी", ["हिन्दी"]),
        ("<b>bold</b>", ["b", "bold", "b"]),
        ("__ -- ..", []),
    ],
)
def test_words_of_a_text(text: str, expected: list[str]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("e-mail", "email"),
        ("TGF-beta", "TGFbeta"),
        ("ABC-123", "abc123"),
        ("document_finder", "DocumentFinder"),
        ("DocumentFinder", "documentfinder"),
        ("résumé", "resume"),
        ("Straße", "STRASSE"),
        ("Ångström", "angstrom"),
        ("hotels", "Hotel"),
    ],
)
def test_ways_to_write_a_word_meet(one: str, other: str) -> None:
    assert stems(one) & stems(other)


def test_hyphen_between_figures_says_something() -> None:
    assert not stems("10-12") & stems("1012")


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("german", "Übersetzungen", "übersetzung"),
        ("german", "Häuser", "haus"),
        ("french", "acceptées", "accepter"),
        ("spanish", "políticas", "política"),
        ("italian", "viaggi", "viaggio"),
        ("portuguese", "políticas", "política"),
        ("dutch", "reizen", "reis"),
        ("swedish", "resorna", "resor"),
        ("russian", "документы", "документ"),
        ("finnish", "talossa", "talo"),
        ("turkish", "belgeler", "belge"),
    ],
)
def test_each_language_has_its_own_stems(language: str, one: str, other: str) -> None:
    assert stems(one, language) & stems(other, language)


@pytest.mark.parametrize(
    ("language", "written", "asked"),
    [("french", "acceptées", "acceptees"), ("spanish", "política", "politica")],
)
def test_accents_may_be_left_out_by_who_asks(language: str, written: str, asked: str) -> None:
    assert stems(written, language) & stems(asked, language)


def test_stop_words_are_no_terms_and_keep_their_places() -> None:
    assert stems("of the hotel") == {"hotel"}
    assert [word.first for word in terms.words("of the hotel")] == [0, 1, 2]


def test_every_language_has_a_stemmer() -> None:
    for language in set(languages.STEMMED.values()):
        assert terms.forms("internationale", language)
    for language in ("english", "german", "french", "russian", "nepali"):
        assert len(stop_words.of(language)) > 100


@given(st.text(max_size=80))
def test_words_lie_in_the_text_in_order_and_hold_all_its_letters(text: str) -> None:
    parts = [word for word in terms.words(text) if not word.is_whole]
    assert [word.first for word in parts] == list(range(len(parts)))
    assert all(0 <= word.start < word.end <= len(text) for word in parts)
    covered = {place for word in parts for place in range(word.start, word.end)}
    for place, character in enumerate(text):
        is_letter = character.isalnum() and ord(character) < 0x10000
        if is_letter and unicodedata.category(character) != "No":
            assert place in covered, character


@given(st.text(max_size=40), st.sampled_from(["english", "german", "french", terms.UNSTEMMED]))
def test_terms_are_folded_and_their_numbers_in_range(text: str, language: str) -> None:
    for word in terms.words(text):
        for form in terms.forms(word.text, language):
            assert form
            assert 1 <= terms.number(form) < terms.DIMENSIONS
            assert not set(form) & set("àéüçñÅ")


def test_number_of_a_term_never_changes() -> None:
    # It stands in every installation's index.
    assert terms.number("hotel") == 55_795_418


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The train tickets are booked through the desk at least nine days ahead.", "english"),
        ("Die Fahrkarten werden mindestens neun Tage im Voraus am Schalter gebucht.", "german"),
        ("Les billets de train sont réservés au guichet au moins neuf jours avant.", "french"),
        ("Los billetes de tren se reservan en el mostrador nueve días antes del viaje.", "spanish"),
        ("Билеты на поезд бронируются через стойку не менее чем за девять дней.", "russian"),
        ("Bilety kolejowe rezerwuje się w biurze co najmniej dziewięć dni wcześniej.", "polish"),
        ("電車の切符は少なくとも九日前までに窓口で予約してください。" * 3, terms.UNSTEMMED),
    ],
)
def test_language_of_a_text(text: str, language: str) -> None:
    assert languages.of_text(text) == language


@pytest.mark.parametrize("text", ["", "Hello", "x = foo(1, 2)\n" * 3, "1234 5678 " * 50])
def test_too_little_text_says_no_language(text: str) -> None:
    assert languages.of_text(text) is None


def test_question_is_asked_in_the_languages_that_matter() -> None:
    assert languages.asked({}) == ("english",)
    assert languages.asked({"german": 10, "english": 900, "irish": 1}) == ("english", "german")
