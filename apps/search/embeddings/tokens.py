"""Cuts text into the tokens that an embedding model counts, with their place in the text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Encoding, Tokenizer

# JSON may carry lone surrogates, UTF-8 cannot; one character for one keeps every offset true.
_SURROGATE = re.compile("[\ud800-\udfff]")
_PIECE = re.compile(r"[A-Za-z]{1,4}|[^\sA-Za-z]")


class WordPieces:
    """MiniLM's own tokenizer. Safe to share between threads.

    Markers such as `[CLS]` that somebody typed into a text count as the model's own, as they do in
    the reference implementation: vectors of other runtimes stay comparable.

    Args:
        path: a `tokenizer.json`; the truncation and padding that it asks for are ignored.
        max_tokens: what one text may take, both markers included.
    """

    def __init__(self, path: Path, *, max_tokens: int) -> None:
        self._tokenizer = Tokenizer.from_file(str(path))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._room = max_tokens - 2
        self._start, self._end = self._tokenizer.encode("").ids

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return what the model reads for each text: both markers, the end cut off if too long."""
        # One by one, not encode_batch: that starts threads, which a later fork does not survive.
        return [[self._start, *self._encode(text).ids[: self._room], self._end] for text in texts]

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Return the [start, end) character span of every token of the whole text, in order.

        A word of more than 100 characters is one (unknown) token, so one span may be long.
        """
        return list(self._encode(text).offsets)

    def count(self, text: str) -> int:
        """Return how many tokens the whole text has, without markers."""
        return len(self._encode(text))

    def _encode(self, text: str) -> Encoding:
        return self._tokenizer.encode(encodable(text), add_special_tokens=False)


def encodable(text: str) -> str:
    """Return the text with U+FFFD for every lone surrogate, its length unchanged."""
    return _SURROGATE.sub("\ufffd", text)


def estimated_offsets(text: str) -> list[tuple[int, int]]:
    """Return spans that stand for tokens where the model's own tokenizer is not at hand.

    Up to four ASCII letters are one token, and so is every digit, sign and other character. Common
    tokenizers (WordPiece, byte-pair, unigram) need fewer for prose, so a budget counted this way
    is kept; emoji and rare scripts may take a model up to three tokens for one counted.
    """
    return [match.span() for match in _PIECE.finditer(text)]
