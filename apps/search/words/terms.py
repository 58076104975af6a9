"""Cuts text into the terms that are searched: one analysis for passages, questions and marks. Pure.

A *word* is a run of letters and digits. Words that are joined (ABC-123, user_guide.md, 2.10.1,
DocumentFinder) count as a whole and by their parts. A *term* is a word as it is compared: Unicode
NFKC, case and accents folded, stemmed by the language of its text (https://snowballstem.org).
"""

from __future__ import annotations

import re
import threading
import unicodedata
import zlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

import Stemmer

from apps.search.words import stop_words

# What the index of a sparsevec may be: https://github.com/pgvector/pgvector#sparsevec-type
DIMENSIONS = 1_000_000_000
# No stemmer and no stop words.
UNSTEMMED = "simple"
_LONGEST = 60
_CACHED_WORDS = 1 << 17


class Word(NamedTuple):
    """A word of a text, or joined words as a whole.

    Attributes:
        start: first character in the text; `end` is exclusive.
        first: place of its first part among all parts of the text, from 0; `last`: of its last.
        text: folded for case.
        is_whole: it stands for the parts between `start` and `end`, which are listed as well.
    """

    start: int
    end: int
    first: int
    last: int
    text: str
    is_whole: bool


def words(text: str) -> Iterator[Word]:
    """Yield the words of a text in their order; joined words after their parts."""
    place = 0
    for match in _JOINED.finditer(text):
        start, found = match.start(), match.group()
        if _is_plain(found):
            yield Word(start, match.end(), place, place, found.lower(), is_whole=False)
            place += 1
            continue
        first = place
        for begin, end in _parts(found):
            part = _folded_case(found[begin:end])
            yield Word(start + begin, start + end, place, place, part, is_whole=False)
            place += 1
        if place - first > 1 and not _UNSPACED.match(found):
            whole = _folded_case(_BETWEEN_LETTERS.sub("", found))
            yield Word(start, match.end(), first, place - 1, whole, is_whole=True)


@lru_cache(maxsize=_CACHED_WORDS)
def forms(word: str, language: str) -> tuple[str, ...]:
    """Return the terms under which a word of a text is found, none for a stop word.

    An accent can decide how a word is stemmed, and it can be left out by who asks: a word with
    accents has a second form where the two ways, stem first or fold first, differ.

    Args:
        word: as `Word.text`.
        language: the text's, as in `languages`.
    """
    if word in stop_words.of(language):
        return ()
    plain = _without_accents(word)
    if language == UNSTEMMED or not plain.isalpha():
        return (plain[:_LONGEST],) if plain else ()
    stemmed = _stem(plain, language)
    if plain == word or language == "english":
        return (stemmed,)
    precise = _without_accents(_stem(word, language))
    return (precise,) if precise == stemmed else (precise, stemmed)


@lru_cache(maxsize=_CACHED_WORDS)
def number(term: str) -> int:
    """Return the number that stands for a term in the index, 1 to DIMENSIONS - 1.

    Two terms share one by chance, about once in ten million pairs of rare words; then the one is
    found for the other, by whoever may read it anyway.
    """
    return zlib.crc32(term.encode()) % (DIMENSIONS - 1) + 1


def quoted(term: str) -> str:
    """Return a term as a tsvector or a tsquery has it."""
    escaped = term.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def _characters(is_one: Callable[[str], bool]) -> str:
    """Return characters of the Basic Multilingual Plane as the inside of a character class."""
    runs: list[tuple[int, int]] = []
    for code in range(0x80, 0x10000):
        if is_one(chr(code)):
            if runs and runs[-1][1] == code - 1:
                runs[-1] = (runs[-1][0], code)
            else:
                runs.append((code, code))
    return "".join(f"\\u{first:04x}-\\u{last:04x}" for first, last in runs)


# Marks belong to the letter before them, and soft hyphens and joiners are not seen.
_INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060"
# Written without spaces: there, each two neighbouring characters count as a word.
_CHINESE_JAPANESE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_UNSPACED = re.compile(f"[{_CHINESE_JAPANESE}]+")
_ALNUM = "0-9A-Za-z" + _characters(
    lambda c: c.isalnum() and not _UNSPACED.match(c) and unicodedata.category(c) != "No"
)
_MARKS = _characters(lambda c: unicodedata.category(c)[0] == "M") + _INVISIBLE
_RUN = rf"[{_ALNUM}][{_ALNUM}{_MARKS}]*"
# "C++" and "C#" are names.
_NAME = rf"{_RUN}(?:(?<=[A-Za-z])(?:\+\+|#)(?![{_ALNUM}#+]))?"
_JOINED = re.compile(rf"{_UNSPACED.pattern}|{_NAME}(?:[-_.&\u2010\u2011]{_NAME})*")
_UPPER, _LOWER = "[A-ZÀ-ÖØ-Þ]", "[a-zß-öø-ÿ]"
# parseHTTPResponse is cut twice; the plural of a capitalised abbreviation (mRNAs) is not cut off.
_SPLIT = re.compile(
    rf"[-_.&\u2010\u2011]|(?<={_LOWER})(?={_UPPER})"
    rf"|(?<={_UPPER})(?={_UPPER}{_LOWER})(?!.s(?![A-Za-z]))"
)
# A hyphen is written or not (e-mail, TGF-beta, ABC-123); between two figures it says something.
_BETWEEN_LETTERS = re.compile(r"[-_\u2010\u2011](?!(?<=[0-9].)[0-9])")
_LETTERS_WITHOUT_ACCENT = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"}
)
_UNSEEN = dict.fromkeys(map(ord, _INVISIBLE))
_ACCENT = re.compile("[\u0300-\u036f]")


def _parts(found: str) -> Iterator[tuple[int, int]]:
    if _UNSPACED.match(found):
        yield from ((begin, min(begin + 2, len(found))) for begin in range(max(len(found) - 1, 1)))
        return
    begin = 0
    for cut in _SPLIT.finditer(found):
        if cut.start() > begin:
            yield begin, cut.start()
        begin = cut.end()
    if begin < len(found):
        yield begin, len(found)


def _is_plain(found: str) -> bool:
    is_one_case = found.islower() or found.isupper() or found.istitle() or found.isdigit()
    return is_one_case and found.isascii() and found.isalnum()


def _folded_case(word: str) -> str:
    if word.isascii():
        return word.lower()
    seen = unicodedata.normalize("NFKC", word.translate(_UNSEEN))
    return unicodedata.normalize("NFKC", seen.casefold())


def _without_accents(word: str) -> str:
    if word.isascii():
        return word
    bare = _ACCENT.sub("", unicodedata.normalize("NFD", word)).translate(_LETTERS_WITHOUT_ACCENT)
    return unicodedata.normalize("NFC", bare)


# A stemmer must not be used by two threads at once.
_stemming = threading.Lock()


@lru_cache
def _stemmer(language: str) -> Stemmer.Stemmer:
    return Stemmer.Stemmer(language, 0)


def _stem(word: str, language: str) -> str:
    with _stemming:
        return str(_stemmer(language).stemWord(word[:_LONGEST]))
