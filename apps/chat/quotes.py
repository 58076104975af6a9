"""Cuts passages into what can be quoted alone: sentences, list items, rows of tables. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from apps.search.release import Passage

# Not every full stop ends a sentence.
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|cf|vs|approx|no|nos|mr|mrs|ms|dr|prof|st|fig|inc|ltd|co|max|min"
    r"|z\.b|d\.h|bzw|ca|nr)\.|\b[A-Z]\.)$",
    re.IGNORECASE,
)
_SENTENCE_GAP = re.compile(r"""(?<=[.!?…])["'”’)\]]*\s+(?=[^a-z\s])""")
_ITEM = re.compile(r"\s*(?:[-*•–]|\d{1,3}[.)]|[a-z][.)])\s+")
_PAIR = re.compile(r"(?:^|; )[^:;|]{1,60}: ")
_CELL_GAP = " | "
_HEADING_CHARS = 100
_ENDS_SENTENCE = re.compile(r"""[.!?…:;,]["'”’)\]]*$""")


@dataclass(frozen=True, slots=True)
class Unit:
    """Something that can be quoted and understood.

    Attributes:
        number: of the passage in the answer's list of sources, from 1.
        place: its place among the units of the passage.
        block: units of one paragraph, list or table share it.
        kind: sentence, item or row.
        text: one line; a row names its columns.
        heading: what it stands under.
        lead: the sentence that introduces its list or table, if any.
    """

    number: int
    place: int
    block: int
    kind: str
    text: str
    heading: str
    lead: str = ""


def units(number: int, passage: Passage) -> list[Unit]:
    """Return the units of a passage in their order.

    Args:
        number: of the passage in the answer.
        passage: blocks of its text are apart by a blank line.
    """
    headings = list(passage.heading_path)
    found: list[Unit] = []
    lead = ""
    blocks = [block for block in re.split(r"\n\s*\n", passage.text) if block.strip()]
    for index, block in enumerate(blocks):
        lines = [line.strip() for line in block.split("\n") if line.strip()]
        if _has_heading(lines, is_alone=len(blocks) == 1):
            headings, lead = [lines.pop(0)], ""
        for kind, text in _pieces(lines, is_first=index == 0):
            found.append(
                Unit(
                    number=number,
                    place=len(found),
                    block=index,
                    kind=kind,
                    text=text,
                    heading=headings[-1] if headings else "",
                    lead=lead if kind != "sentence" else "",
                )
            )
        lead = found[-1].text if found and found[-1].text.endswith(":") else ""
    return found


def _has_heading(lines: Sequence[str], *, is_alone: bool) -> bool:
    """Return whether a block begins with a heading: a short line without an end."""
    line = lines[0]
    if len(lines) == 1:
        is_short = len(line) <= _HEADING_CHARS and not is_alone
    else:
        # In plain text a heading may stand right above its paragraph, whose lines are longer.
        is_short = len(line) <= 0.6 * max(map(len, lines)) and lines[1][0].isupper()
    if not is_short or (_ITEM.match(line) and not line[0].isdigit()):
        return False
    return not _ENDS_SENTENCE.search(line) and _CELL_GAP not in line and not _PAIR.match(line)


def _pieces(lines: Sequence[str], *, is_first: bool) -> Iterator[tuple[str, str]]:
    """Yield kind and text of the units of one block, which may be empty."""
    if len(lines) > 1 and all(_CELL_GAP in line for line in lines):
        yield from (("row", row) for row in _rows(lines, has_header=not is_first))
    elif lines and all(len(_PAIR.findall(line)) > 1 for line in lines):
        yield from (("row", line) for line in lines)
    elif any(_ITEM.match(line) for line in lines):
        yield from _items(lines)
    else:
        yield from (("sentence", text) for text in sentences(" ".join(lines)))


def _rows(lines: Sequence[str], *, has_header: bool) -> Iterator[str]:
    """Yield rows as "column: cell; …"; where a passage begins in a table, its header is unknown."""
    if not has_header:
        yield from lines
        return
    header = [cell.strip() for cell in lines[0].split(_CELL_GAP)]
    for line in lines[1:]:
        cells = [cell.strip() for cell in line.split(_CELL_GAP)]
        if len(cells) != len(header):
            yield line
            continue
        named = zip(header, cells, strict=True)
        yield "; ".join(f"{name}: {cell}" if name else cell for name, cell in named if cell)


def _items(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield list items; a line without a mark goes on with the one before."""
    item = ""
    for line in lines:
        if _ITEM.match(line) and item:
            yield "item", item
            item = ""
        item = f"{item} {line}".strip()
    if item:
        yield "item", item


def sentences(text: str) -> list[str]:
    """Return the sentences of a paragraph; a full stop after an abbreviation ends none."""
    found: list[str] = []
    start = 0
    for gap in _SENTENCE_GAP.finditer(text):
        sentence = text[start : gap.end()].strip()
        if _ABBREVIATION.search(sentence):
            continue
        found.append(sentence)
        start = gap.end()
    rest = text[start:].strip()
    return [*found, rest] if rest else found


def mark_and_text(item: str) -> tuple[str, str]:
    """Return the mark of a list item, "-" or its number as "3.", and the text behind it."""
    match = _ITEM.match(item)
    if match is None:
        return "-", item
    number = re.match(r"\s*(\d+)", match[0])
    return f"{number[1]}." if number else "-", item[match.end() :]
