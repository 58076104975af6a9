"""Filters in words: what is taken for a filter, what stays a word, and how dates are read."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.search.understanding import filter_dates, query_filters
from apps.search.understanding.filter_words import ENGLISH
from apps.search.understanding.query_filters import Known, folded

TODAY = date(2026, 11, 21)  # a Saturday
KNOWN: Known = {
    ("source", "finance"): ("Finance",),
    ("source", "cafe"): ("Café",),
    ("author", "ada"): ("Ada Lovelace", "Ada Byron"),
    ("folder", "hr"): ("hr/",),
}


def read(query: str, **more: object) -> tuple[str, dict[str, tuple[str, ...]]]:
    found = query_filters.read(query, today=TODAY, known=KNOWN, **more)  # type: ignore[arg-type]
    return found.text, {part.field: part.values for part in found.parts}


@pytest.mark.parametrize(
    ("query", "text", "filters"),
    [
        (
            "pdf from finance since March",
            "",
            {"kind": ("pdf",), "source": ("Finance",), "since": ("2026-03-01",)},
        ),
        (
            "slides by ada last week",
            "",
            {
                "kind": ("presentation",),
                "author": ("Ada Lovelace", "Ada Byron"),
                "since": ("2026-11-09",),
                "until": ("2026-11-16",),
            },
        ),
        ("contracts before 2024", "contracts", {"until": ("2024-01-01",)}),
        (
            "type:pdf source:finance after:2024-01-01 author:ada",
            "",
            {
                "kind": ("pdf",),
                "source": ("Finance",),
                "since": ("2024-01-01",),
                "author": ("Ada Lovelace", "Ada Byron"),
            },
        ),
        ("all slides by ada about travel", "travel", {"kind": ("presentation",), "author": ...}),
        ("rules FROM CAFÉ", "rules", {"source": ("Café",)}),
        ("leave in hr", "leave", {"folder": ("hr/",)}),
        ('class:confidential source:"finance" x', "x", {"class": ("confidential",), "source": ...}),
    ],
)
def test_filters_are_read_from_words(query: str, text: str, filters: dict[str, object]) -> None:
    found_text, found = read(query)
    assert found_text == text
    assert found.keys() == filters.keys()
    assert all(found[name] == value for name, value in filters.items() if value is not ...)


@pytest.mark.parametrize(
    "query",
    [
        "what happened last week",
        "how do I send mail from home",
        "code by nobody",
        "rules from somewhere else",
        '"pdf from finance" rules',
        "type:unheard x",
        "after:31.02.2024 x",
        "since the beginning",
        "mail server",
        "how to export a pdf",
    ],
)
def test_what_names_nothing_stays_words(query: str) -> None:
    assert read(query) == (query, {})


def test_part_that_was_switched_back_stays_words() -> None:
    text, found = read("pdf from finance since March", plain=["since march"])
    assert text == "since March"
    assert found.keys() == {"kind", "source"}


@pytest.mark.parametrize(
    ("words", "first", "end"),
    [
        ("2024", "2024-01-01", "2025-01-01"),
        ("2024-02", "2024-02-01", "2024-03-01"),
        ("2024-02-29", "2024-02-29", "2024-03-01"),
        ("1 march 2026", "2026-03-01", "2026-03-02"),
        ("march 1st 2026", "2026-03-01", "2026-03-02"),
        ("december", "2025-12-01", "2026-01-01"),
        ("november", "2026-11-01", "2026-12-01"),
        ("last quarter", "2026-07-01", "2026-10-01"),
        ("last month", "2026-10-01", "2026-11-01"),
        ("this year", "2026-01-01", "2027-01-01"),
        ("this week", "2026-11-16", "2026-11-23"),
        ("yesterday", "2026-11-20", "2026-11-21"),
    ],
)
def test_dates_are_whole_periods(words: str, first: str, end: str) -> None:
    found = filter_dates.read(words.split(), TODAY, ENGLISH)
    assert found is not None
    assert (found.first.isoformat(), found.end.isoformat()) == (first, end)


@given(st.dates(), st.sampled_from(["since", "after", "before", "until", "in"]))
def test_every_day_that_is_written_is_read_back(day: date, bound: str) -> None:
    found = filter_dates.read([day.isoformat()], TODAY, ENGLISH)
    if day == date.max:
        assert found is None  # there is no day after it
        return
    if day.year < 1000:
        return
    assert found is not None
    assert found.end - found.first == timedelta(days=1)
    bounds = filter_dates.bounded(bound, found)  # type: ignore[arg-type]
    assert bounds.since in (None, day)
    assert bounds.until in (None, day, day + timedelta(days=1))


_WORDS = st.one_of(
    st.sampled_from(
        [
            "pdf",
            "from",
            "finance",
            "since",
            "March",
            "slides",
            "by",
            "ada",
            "last",
            "week",
            "before",
            "2024",
            "type:pdf",
            "in",
            "hr",
            "about",
            "today",
            "mail",
            '"from',
            'finance"',
            "since:",
            "author:ada",
            'source:"finance"',
            "1",
            "all",
        ]
    ),
    st.text(max_size=8),
)


@given(st.lists(_WORDS, max_size=12).map(" ".join), st.dates())
def test_parts_are_disjoint_stretches_of_the_question_and_the_rest_is_kept(
    query: str, today: date
) -> None:
    try:
        found = query_filters.read(query, today=today, known=KNOWN)
    except OverflowError:
        pytest.fail("a date at the end of the calendar")
    spans = sorted({(part.start, part.end) for part in found.parts})
    assert all(0 <= start < end <= len(query) for start, end in spans)
    assert all(one[1] <= other[0] for one, other in pairwise(spans))
    assert all(query[part.start : part.end] == part.text for part in found.parts)
    taken = {word for part in found.parts for word in part.text.split()}
    dropped = set(query.split()) - set(found.text.split()) - taken
    assert {folded(word) for word in dropped} <= ENGLISH.fillers | ENGLISH.links


@given(st.lists(_WORDS, max_size=12).map(" ".join))
def test_with_every_part_switched_back_nothing_is_a_filter(query: str) -> None:
    plain: list[str] = []
    for _ in range(20):
        found = query_filters.read(query, today=TODAY, known=KNOWN, plain=plain)
        if not found.parts:
            break
        plain += [part.text for part in found.parts]
    assert found.parts == ()
    assert found.text.split() == query.split()


@given(st.lists(_WORDS, max_size=12).map(" ".join))
def test_names_asks_for_whatever_read_could_use(query: str) -> None:
    wanted = query_filters.names(query)
    known = {key: (key[1],) for key in wanted}
    everything = {**known, ("source", "unasked"): ("unasked",)}
    assert query_filters.read(query, today=TODAY, known=known) == query_filters.read(
        query, today=TODAY, known=everything
    )
