"""The text of a document and its structure, as extraction hands it to chunking and to the page."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, cast

# "rows" are lines that each stand for themselves (one record of a CSV file).
Kind = Literal["heading", "paragraph", "list", "table", "rows", "code"]

_SURROGATE = re.compile("[\ud800-\udfff]")
_LINE_END = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
# Zero-width space, byte order mark and soft hyphen are invisible and would split words in a search.
_INVISIBLE = re.compile("[\x00\u00ad\u200b\ufeff]")
_CONTROL = re.compile("[\x01-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
_BLANK_LINES = re.compile(r"\n{3,}")
_SEPARATOR = "\n\n"


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of a document as a reader found it.

    Args:
        kind: what it is.
        text: its text; cleaned when the document is assembled.
        level: of a heading 1 to 6; of a table how many of its first lines are the header; else 0.
        page: counted from 1, where the format has pages.
    """

    kind: Kind
    text: str
    level: int = 0
    page: int | None = None


@dataclass(frozen=True, slots=True)
class BlockSpan:
    """A block's place in the text: characters [start, end)."""

    kind: Kind
    start: int
    end: int
    level: int = 0
    page: int | None = None


@dataclass(frozen=True, slots=True)
class ExtractedText:
    """A document's plain text in Unicode NFC, without NUL or lone surrogates, and its structure.

    Args:
        text: blocks in reading order, a blank line between them.
        blocks: spans of `text`, ascending, disjoint, none empty.
        title: what the document calls itself, if it does.
        pages: how many, where the format has pages.
        author: who wrote it, as the file says; empty where it does not.
    """

    text: str
    blocks: tuple[BlockSpan, ...]
    title: str | None = None
    pages: int | None = None
    author: str = ""

    def block_rows(self) -> list[list[str | int | None]]:
        """Return the blocks as JSON values: `[[kind, start, end, level, page], …]`."""
        return [[span.kind, span.start, span.end, span.level, span.page] for span in self.blocks]

    @classmethod
    def from_rows(
        cls,
        text: str,
        rows: Iterable[Sequence[str | int | None]],
        *,
        title: str | None = None,
        pages: int | None = None,
        author: str = "",
    ) -> ExtractedText:
        """Build it again from what `block_rows` gave."""
        spans = tuple(
            BlockSpan(
                cast("Kind", kind),
                cast("int", start),
                cast("int", end),
                cast("int", level),
                cast("int | None", page),
            )
            for kind, start, end, level, page in rows
        )
        return cls(text, spans, title, pages, author)


def assemble(
    blocks: Iterable[Block],
    *,
    title: str | None = None,
    pages: int | None = None,
    author: str | None = None,
) -> ExtractedText:
    """Join blocks to the text of a document, each cleaned, the empty ones left out."""
    parts: list[str] = []
    spans: list[BlockSpan] = []
    position = 0
    for block in blocks:
        text = cleaned(block.text)
        if block.kind != "code":  # whose indentation counts from its first line on
            text = text.lstrip()
        if not text:
            continue
        end = position + len(text)
        spans.append(BlockSpan(block.kind, position, end, block.level, block.page))
        parts.append(text)
        position = end + len(_SEPARATOR)
    name = one_line(title or "")
    writer = one_line(author or "")
    return ExtractedText(_SEPARATOR.join(parts), tuple(spans), name or None, pages, writer)


def cleaned(text: str) -> str:
    r"""Return text that PostgreSQL takes and that compares equal when it looks equal.

    NFC, line ends as `\n`, no NUL and no invisible characters, other control characters as
    spaces, lone surrogates as U+FFFD, no space at line ends, no blank line twice or at the ends.
    """
    if not text.isascii():
        text = _SURROGATE.sub("\ufffd", text)
        text = unicodedata.normalize("NFC", text)
    text = _LINE_END.sub("\n", text)
    text = _CONTROL.sub(" ", _INVISIBLE.sub("", text))
    # By lines: an expression for trailing space takes forever on a long run of spaces.
    text = "\n".join(line.rstrip() for line in text.split("\n"))
    return _BLANK_LINES.sub(_SEPARATOR, text).strip("\n")


def one_line(text: str) -> str:
    """Return the cleaned text with every run of white space as one space."""
    return " ".join(cleaned(text).split())


def table_block(
    rows: Iterable[Sequence[str]], *, header_rows: int = 1, page: int | None = None
) -> Block:
    """Return a table: a line for each row, cells apart by ` | `; rows without text are left out."""
    lines = []
    for row in rows:
        cells = [one_line(cell) for cell in row]
        if any(cells):
            lines.append(" | ".join(cells).strip())
    return Block("table", "\n".join(lines), header_rows if len(lines) > 1 else 0, page)
