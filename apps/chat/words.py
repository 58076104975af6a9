"""Words of questions and sentences, reduced far enough to compare. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

_WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*")
_SUFFIXES = ("ations", "ation", "ings", "ing", "ies", "ied", "ers", "er", "ed", "es", "ly", "s")
_SHORTEST_STEM = 3


def listed(text: str) -> frozenset[str]:
    """Return the words of a list that is written as one line of text."""
    return frozenset(text.split())


# Words that questions are made with, whatever they are about.
_STOP = listed(
    "a about after all also am an and any are as at be been before being but by can could did do"
    " does doing for from get give given got had has have having he her here hers him his how i if"
    " in into is it its itself just know let like many may me might more most much must my need no"
    " not of on one ones or our out over own per please same say says shall she should show so"
    " some such tell than that the their them then there these they this those to too under until"
    " up us very want was we were what when where which while who whom whose why will with would"
    " you your yours"
)


def all_words(text: str) -> list[str]:
    """Return the words in lower case, in their order; hyphens and apostrophes belong to them."""
    return [match[0].lower().replace("’", "'") for match in _WORD.finditer(text)]


def content_words(text: str) -> list[str]:
    """Return the words that say what the text is about, each once."""
    return list(dict.fromkeys(word for word in all_words(text) if _is_content(word)))


def content_stems(text: str) -> list[str]:
    """Return the stems of the content words, each once; "wi-fi" is also "wifi", "wi" and "fi"."""
    found: dict[str, None] = {}
    for word in content_words(text):
        found[stem(word)] = None
        for part in (word.replace("-", ""), *word.split("-")) if "-" in word else ():
            if _is_content(part):
                found[stem(part)] = None
    return list(found)


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """Return the word without a common English ending; what has a digit stays as it is.

    Coarser than the search's own dictionary, which needs the database: it only has to tell whether
    a sentence speaks of the same thing.
    """
    word = word.removesuffix("'s").removesuffix("'")
    if not word.isalpha():
        return word
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM:
            base = word[: -len(suffix)]
            return base + "y" if suffix in {"ies", "ied"} else _plain(base)
    return _plain(word)


def _plain(base: str) -> str:
    if len(base) > _SHORTEST_STEM and base[-1] == base[-2] and base[-1] not in "aeios":
        return base[:-1]  # stopp(ed), plann(ing)
    return base.removesuffix("e") if len(base) > _SHORTEST_STEM else base


def _is_content(word: str) -> bool:
    return word not in _STOP and (len(word) > 1 or word.isdigit())
