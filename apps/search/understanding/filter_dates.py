"""Dates as people write them, as whole periods: pure, from a given today."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from apps.search.understanding.filter_words import Bound, Language

_DAY = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")
_MONTH = re.compile(r"(\d{4})[-/.](\d{1,2})")
_YEAR = re.compile(r"(?:19|20)\d\d")
_NUMBER = re.compile(r"([12]?\d|3[01])(?:st|nd|rd|th)?")
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days: `first` is in it, `end` is the day after its last."""

    first: date
    end: date


@dataclass(frozen=True, slots=True)
class Bounds:
    """From which day on, and before which day; None leaves that side open."""

    since: date | None = None
    until: date | None = None


def bounded(bound: Bound, period: Period) -> Bounds:
    """Return what a word before a date makes of it.

    "after" a single day includes it, as in other search boxes; after a month or a year begins with
    the next one.
    """
    is_day = period.end - period.first == timedelta(days=1)
    if bound == "since" or (bound == "after" and is_day):
        return Bounds(since=period.first)
    if bound == "after":
        return Bounds(since=period.end)
    if bound == "before":
        return Bounds(until=period.first)
    if bound == "until":
        return Bounds(until=period.end)
    return Bounds(period.first, period.end)


def read(words: Sequence[str], today: date, language: Language) -> Period | None:
    """Return the period that exactly these words name, or None.

    Args:
        words: in lower case, without punctuation.
        today: the reader's.
        language: whose words for months and spans count.
    """
    try:
        return _numbers(words) or _named(words, today, language) or _span(words, today, language)
    except (ValueError, OverflowError):  # a day that no calendar has
        return None


def _numbers(words: Sequence[str]) -> Period | None:
    if len(words) != 1:
        return None
    if found := _DAY.fullmatch(words[0]):
        return _day(date(*map(int, found.groups())))
    if found := _MONTH.fullmatch(words[0]):
        return _months(date(int(found[1]), int(found[2]), 1), 1)
    if _YEAR.fullmatch(words[0]):
        return _months(date(int(words[0]), 1, 1), 12)
    return None


def _named(words: Sequence[str], today: date, language: Language) -> Period | None:
    """Read "March", "March 2026", "1 March", "March 1st 2026"; without a year the last one."""
    year = day = month = None
    for word in words:
        if word in language.months and month is None:
            month = language.months[word]
        elif _YEAR.fullmatch(word) and year is None and month is not None:
            year = int(word)
        elif (found := _NUMBER.fullmatch(word)) and day is None and year is None:
            day = int(found[1])
        else:
            return None
    if month is None or day == 0:
        return None
    if year is None:
        year = today.year - (date(today.year, month, day or 1) > today)
    return _day(date(year, month, day)) if day else _months(date(year, month, 1), 1)


def _span(words: Sequence[str], today: date, language: Language) -> Period | None:
    if len(words) == 1 and words[0] in language.days:
        return _day(today - timedelta(days=language.days[words[0]]))
    if len(words) != 2 or words[0] not in language.spans or words[1] not in language.units:
        return None
    back, unit = language.spans[words[0]], language.units[words[1]]
    if unit == "week":
        monday = today - timedelta(days=today.weekday() + 7 * back)
        return Period(monday, monday + timedelta(days=7))
    if unit == "day":
        return _day(today - timedelta(days=back))
    length = _MONTHS[unit]
    first = date(today.year, (today.month - 1) // length * length + 1, 1)
    return _months(_shifted(first, -length * back), length)


def _day(day: date) -> Period:
    return Period(day, day + timedelta(days=1))


def _months(first: date, count: int) -> Period:
    return Period(first, _shifted(first, count))


def _shifted(first: date, months: int) -> date:
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return date(year, month + 1, 1)
