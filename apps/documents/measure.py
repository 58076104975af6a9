"""Counts the tokens of any span of a text, which is tokenized only once."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import Protocol

# A "word" without an end is one token however long: this bounds what one chunk can hold.
CHARACTERS_PER_TOKEN = 16
# Tokenizers are given text in pieces of this size, which bounds the memory they take.
_TOKENIZED_CHARACTERS = 50_000
# White space that ends a word for every tokenizer; text cut there has as many tokens as its parts.
_WORD_ENDS = " \t\n\r"
# Chinese characters are words of their own to the tokenizers that cut at white space at all.
_IDEOGRAPHS = range(0x3400, 0xA000)


class Tokens(Protocol):
    """Counts as the embedding model does.

    Of texts joined by white space the count is the sum of the counts.
    """

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        """Return the [start, end) character span of every token, without markers, uncut."""
        ...

    def count_tokens(self, text: str) -> int:
        """Return how many tokens the text has, without markers."""
        ...


class Measure:
    """The cost of spans of one text.

    Args:
        text: the whole text.
        tokenizer: asked once for all of it, in pieces.
    """

    def __init__(self, text: str, tokenizer: Tokens) -> None:
        self._text = text
        self._tokenizer = tokenizer
        self._starts = array("Q")
        position = 0
        while position < len(text):
            end = self._piece_end(position)
            spans = tokenizer.token_offsets(text[position:end])
            self._starts.extend(sorted(position + start for start, _ in spans))
            position = end

    def _piece_end(self, position: int) -> int:
        end = position + _TOKENIZED_CHARACTERS
        if end >= len(self._text):
            return len(self._text)
        return self.word_end(position, end) or end

    def cost(self, start: int, end: int) -> int:
        """Return the tokens of a span, more where few tokens stand for very many characters.

        A few too low where the span begins or ends inside a word: see `exact_cost`.
        """
        return max(self._between(start, end), _least_cost(start, end))

    def exact_cost(self, start: int, end: int) -> int:
        """Return the cost, counted anew where the span begins or ends inside a word."""
        return max(self.tokens(start, end), _least_cost(start, end))

    def tokens(self, start: int, end: int) -> int:
        """Return the tokens that the span has as a text of its own."""
        if self.is_word_end(start) and self.is_word_end(end):
            return self._between(start, end)
        return self._tokenizer.count_tokens(self._text[start:end])

    def _between(self, start: int, end: int) -> int:
        return bisect_left(self._starts, end) - bisect_left(self._starts, start)

    def is_word_end(self, place: int) -> bool:
        """Say whether a place is beside white space, an ideograph or an end of the text."""
        around = self._text[max(place - 1, 0) : place + 1]
        return len(around) < 2 or any(
            each in _WORD_ENDS or ord(each) in _IDEOGRAPHS for each in around
        )

    def word_end(self, start: int, end: int) -> int | None:
        """Return the last place in (start, end] where white space stands."""
        place = max(self._text.rfind(space, start + 1, end + 1) for space in _WORD_ENDS)
        return place if place > start else None

    def reach(self, start: int, end: int, limit: int) -> int:
        """Return how far from start, up to end, text costs at most limit: one character or more."""
        index = bisect_left(self._starts, start) + limit
        place = self._starts[index] if index < len(self._starts) else end
        return max(min(place, start + limit * CHARACTERS_PER_TOKEN, end), start + 1)


def _least_cost(start: int, end: int) -> int:
    return -((start - end) // CHARACTERS_PER_TOKEN)
