"""Filters in words: "pdf from finance since March" is a kind, a source and a date. Pure.

What names something is taken only when the caller knows that it exists for this reader. What stands
in quotation marks, and what the reader has switched back into words, is left alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import dropwhile

from apps.search.understanding import filter_dates
from apps.search.understanding.filter_words import ENGLISH, Bound, Field, Language

_TOKEN = re.compile(r'[A-Za-z]+:"[^"]*"|"[^"]*"|“[^”]*”|„[^“]*“|\S+')
_OPERATOR = re.compile(r'([A-Za-z]+):"?([^"]+)"?', re.DOTALL)
_QUOTES = ('"', "“", "„")
_PUNCTUATION = ".,;!?()"
_MOST_WORDS = 4
_MARKS = re.compile("[\u0300-\u036f]")
_BOUNDS: frozenset[str] = frozenset({"since", "after", "before", "until"})
_NAMED: tuple[Field, ...] = ("source", "author", "collection", "folder")

# Which values a name stands for, by field and folded name.
Known = Mapping[tuple[Field, str], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of the question that says a filter.

    Attributes:
        field: of which filter.
        values: what it stands for: keys of kinds, classes, names as `Known` gave them, or days as
            ISO 8601 writes them. Several are alternatives.
        start: its first character in the question; `end` is exclusive.
        text: the words as they were written.
    """

    field: Field
    values: tuple[str, ...]
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Understood:
    """A question without its filters, and these; a part can give two of them (a span of days)."""

    text: str
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    word: str  # folded, without punctuation; empty for what is quoted
    start: int
    end: int


def folded(text: str) -> str:
    """Return the text as names are compared: no accents, no case, single spaces."""
    plain = _MARKS.sub("", unicodedata.normalize("NFKD", text)).lower()
    return " ".join(plain.split())


def names(query: str, language: Language = ENGLISH) -> set[tuple[Field, str]]:
    """Return what has to be looked up before `read`: fields with folded names, all that may be."""
    tokens = _tokens(query)
    wanted: set[tuple[Field, str]] = set()
    for place, token in enumerate(tokens):
        if found := _OPERATOR.fullmatch(token.text):
            field = language.operators.get(found[1].lower())
            if field in _NAMED:
                wanted.add((field, folded(found[2])))
        for field in language.names.get(token.word, ()):
            wanted |= {(field, name) for _, name in _runs(tokens, place + 1)}
    return wanted


def read(
    query: str,
    *,
    today: date,
    known: Known,
    plain: Collection[str] = (),
    language: Language = ENGLISH,
) -> Understood:
    """Part a question into filters and what is searched for.

    Args:
        query: as typed.
        today: the reader's day.
        known: of the names that `names` asked for, those that exist for this reader.
        plain: parts, as written, that are words here and no filters.
        language: whose words count.
    """
    tokens = _tokens(query)
    reader = _Reader(query, tokens, today, known, language)
    kept = {folded(text) for text in plain}
    parts: list[Part] = []
    rest: list[_Token] = []
    place = 0
    while place < len(tokens):
        found, length = reader.at(place)
        if found and folded(found[0].text) not in kept:
            parts += found
            place += length
            continue
        rest.append(tokens[place])
        place += 1
    return Understood(_text(_without_link(rest, parts, language)), tuple(parts))


def _without_link(
    rest: Sequence[_Token], parts: Sequence[Part], language: Language
) -> Sequence[_Token]:
    """Drop "all" and "about" from "all slides by ada about travel": what they tied is gone."""
    if not any(part.field == "kind" for part in parts):
        return rest
    rest = list(dropwhile(lambda token: token.word in language.fillers, rest))
    return rest[1:] if rest and rest[0].word in language.links else rest


def _text(tokens: Sequence[_Token]) -> str:
    """Return the words, apart where they were apart."""
    text = ""
    for before, token in zip([None, *tokens], tokens, strict=False):
        text += (" " if before and before.end < token.start else "") + token.text
    return text


class _Reader:
    """Finds the filter that begins at a word."""

    def __init__(
        self, query: str, tokens: Sequence[_Token], today: date, known: Known, language: Language
    ) -> None:
        self._query, self._tokens = query, tokens
        self._today, self._known, self._language = today, known, language
        self._first = next(
            (n for n, token in enumerate(tokens) if token.word not in language.fillers), 0
        )
        self._is_question = bool(tokens) and tokens[self._first].word in language.questions

    def at(self, place: int) -> tuple[list[Part], int]:
        """Return the filters that begin here, and how many words they take; none: ([], 0)."""
        for read in (self._operator, self._date, self._name, self._kind):
            values, length = read(place)
            if values:
                return [self._part(place, length, *value) for value in values], length
        return [], 0

    def _part(self, place: int, length: int, field: Field, values: tuple[str, ...]) -> Part:
        start, end = self._tokens[place].start, self._tokens[place + length - 1].end
        return Part(field, values, start, end, self._query[start:end])

    def _operator(self, place: int) -> _Found:
        found = _OPERATOR.fullmatch(self._tokens[place].text)
        name = self._language.operators.get(found[1].lower()) if found else None
        if found is None or name is None:
            return [], 0
        value = folded(found[2])
        if name in _BOUNDS:
            return self._dates(name, value.split()), 1  # type: ignore[arg-type]  # just asked
        return self._values(name, value), 1  # type: ignore[arg-type]  # no bound, so a field

    def _values(self, field: Field, value: str) -> list[tuple[Field, tuple[str, ...]]]:
        kinds = {**self._language.loose_kinds, **self._language.kinds}
        tables: dict[str, Mapping[str, str]] = {"kind": kinds, "class": self._language.classes}
        values = self._known.get((field, value), ())
        if table := tables.get(field):
            values = (table[value],) if value in table else ()
        return [(field, values)] if values else []

    def _date(self, place: int) -> _Found:
        word = self._tokens[place].word
        if bound := self._language.bounds.get(word):
            for length, words in _runs(self._tokens, place + 1):
                if found := self._dates(bound, words.split()):
                    return found, 1 + length
            return [], 0
        # Without a word before it, only at the end: "last week" may be what is asked about.
        for length, words in _runs(self._tokens, place):
            if place and place + length == len(self._tokens):
                parts = words.split()
                is_span = parts[0] in self._language.spans or parts[0] in self._language.days
                if is_span and not self._is_question:
                    return self._dates("in", parts), length
        return [], 0

    def _dates(self, bound: Bound, words: list[str]) -> list[tuple[Field, tuple[str, ...]]]:
        period = filter_dates.read(words, self._today, self._language)
        if period is None:
            return []
        bounds = filter_dates.bounded(bound, period)
        found: list[tuple[Field, tuple[str, ...]]] = []
        if bounds.since is not None:
            found.append(("since", (bounds.since.isoformat(),)))
        if bounds.until is not None:
            found.append(("until", (bounds.until.isoformat(),)))
        return found

    def _name(self, place: int) -> _Found:
        fields = self._language.names.get(self._tokens[place].word, ())
        for length, name in _runs(self._tokens, place + 1):
            for field in fields:
                if values := self._known.get((field, name), ()):
                    return [(field, values)], 1 + length
        return [], 0

    def _kind(self, place: int) -> _Found:
        word = self._tokens[place].word
        key = None if self._is_question else self._language.kinds.get(word)
        if key is None and place == self._first and self._is_tied(place + 1):
            key = self._language.loose_kinds.get(word)
        return ([("kind", (key,))], 1) if key else ([], 0)

    def _is_tied(self, place: int) -> bool:
        """Return whether another filter follows, or what the files are about."""
        if place >= len(self._tokens):
            return False
        return self._tokens[place].word in self._language.links or bool(self.at(place)[0])


_Found = tuple[list[tuple[Field, tuple[str, ...]]], int]


def _tokens(query: str) -> list[_Token]:
    found = []
    for match in _TOKEN.finditer(query):
        text = match[0]
        word = "" if text.startswith(_QUOTES) else folded(text.strip(_PUNCTUATION))
        found.append(_Token(text, word, match.start(), match.end()))
    return found


def _runs(tokens: Sequence[_Token], place: int) -> Iterator[tuple[int, str]]:
    """Yield the words from a place on, the longest run first, with how many they are."""
    for length in range(min(_MOST_WORDS, len(tokens) - place), 0, -1):
        words = [token.word for token in tokens[place : place + length]]
        if all(words):
            yield length, " ".join(words)
