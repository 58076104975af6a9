"""Slips of the pen: the words one slip from another, and how far two words are apart. Pure."""

from __future__ import annotations

from collections.abc import Sequence

# By script, told by the first letter that is in it: what may have been meant for another letter.
_ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyz",
    "абвгдежзийклмнопрстуфхцчшщъыьэюяіїєґ",
    "αβγδεζηθικλμνξοπρσςτυφχψω",
)
_DIGITS = "0123456789"
# Slips that are forgiven, by the length of a word: one from 4 letters on, two from 8.
_ONE_FROM, _TWO_FROM = 4, 8


def allowed(word: str) -> int:
    """Return how many slips are forgiven in a word; none in numbers and short words."""
    if word.isdecimal() or len(word) < _ONE_FROM:
        return 0
    return 1 if len(word) < _TWO_FROM else 2


def neighbours(word: str) -> set[str]:
    """Return the words one slip away: a letter too many, too few or another, or two exchanged."""
    alphabet = next((letters for letters in _ALPHABETS if set(letters) & set(word)), _ALPHABETS[0])
    alphabet += _DIGITS if set(_DIGITS) & set(word) else ""
    cuts = [(word[:place], word[place:]) for place in range(len(word) + 1)]
    found = {head + tail[1:] for head, tail in cuts if tail}
    found |= {head + tail[1] + tail[0] + tail[2:] for head, tail in cuts if len(tail) > 1}
    found |= {head + letter + tail[1:] for head, tail in cuts if tail for letter in alphabet}
    found |= {head + letter + tail for head, tail in cuts for letter in alphabet}
    return found - {word, ""}


def distance(one: str, other: str, *, most: int) -> int:
    """Return the slips between two words, or more than `most` where there are more.

    A slip is a letter too many, too few or another, or two neighbours exchanged (the restricted
    Damerau-Levenshtein distance; https://doi.org/10.1145/363958.363994).
    """
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, start=1):
        now = [row]
        for column, against in enumerate(other, start=1):
            cost = min(last[column] + 1, now[-1] + 1, last[column - 1] + (letter != against))
            if _is_exchange(one, other, row, column):
                cost = min(cost, before[column - 2] + 1)
            now.append(cost)
        if min(now) > most:
            return most + 1
        before, last = last, now
    return last[-1]


def _is_exchange(one: Sequence[str], other: Sequence[str], row: int, column: int) -> bool:
    return (
        row > 1
        and column > 1
        and one[row - 1] == other[column - 2]
        and one[row - 2] == other[column - 1]
    )
