"""Which blocks belong together: sections by their headings, sentences inside a block."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from apps.documents.blocks import BlockSpan, ExtractedText
from apps.documents.measure import Measure

LINE_KINDS = frozenset({"list", "table", "rows", "code"})
_LINE = re.compile(r"(?P<gap>\n)\s*")
_SENTENCE = re.compile(
    r"""[.!?…]["'”’)\]]*(?P<gap>\s)\s*(?=[^a-z\s])|[。！？](?P<wide>)\s*|(?P<line>\n)\s*"""
)
_SENTENCE_END = re.compile(r"""[.!?…:。！？]["'”’)\]]*$""")
_END_CHARACTERS = 8
# A longer "heading" is a paragraph in disguise; as a path its begin is enough.
_HEADING_CHARACTERS = 200
_DEEPEST_HEADING = 6


def heading_paths(document: ExtractedText) -> Iterator[tuple[str, ...]]:
    """Yield for each block the headings that it stands under, outermost first.

    A heading stands under those of a lower level before it, not under itself.
    """
    open_headings: list[tuple[int, str]] = []
    path: tuple[str, ...] = ()
    for block in document.blocks:
        if block.kind != "heading":
            yield path
            continue
        while open_headings and open_headings[-1][0] >= block.level:
            open_headings.pop()
        yield tuple(title for _, title in open_headings)
        end = min(block.end, block.start + _HEADING_CHARACTERS)
        open_headings.append((block.level, document.text[block.start : end].rstrip()))
        path = tuple(title for _, title in open_headings)


def sections(
    blocks: Sequence[BlockSpan], measure: Measure, max_tokens: int
) -> Iterator[tuple[int, int]]:
    """Yield ranges [first, last) of blocks that no chunk reaches across, in order.

    A range begins at a heading. What stands under a heading stays with what is before it only
    where both fit into one chunk and either the heading is no top one, or there is little of it,
    or all before it is a short introduction to it. In source code every heading is a function or
    class, and counts as a top one.
    """
    if not blocks:
        return
    ends = _section_ends(blocks)
    is_source = all(block.kind in {"heading", "code"} for block in blocks)
    top = _DEEPEST_HEADING if is_source else _top_level(blocks)
    first, has_body = 0, False
    for place, block in enumerate(blocks):
        if block.kind != "heading":
            has_body = True
        elif has_body:
            before = measure.cost(blocks[first].start, blocks[place - 1].end)
            together = measure.cost(blocks[first].start, blocks[ends[place] - 1].end)
            is_introduction = (
                blocks[first].kind == "heading"
                and blocks[first].level < block.level
                and before <= max_tokens // 8
            )
            room = max_tokens // 4 if block.level <= top and not is_introduction else max_tokens
            if together > room:
                yield first, place
                first, has_body = place, False
    yield first, len(blocks)


def _section_ends(blocks: Sequence[BlockSpan]) -> list[int]:
    """Return for each heading the place of the next one of its level or above."""
    ends = [len(blocks)] * len(blocks)
    waiting: list[int] = []
    for place, block in enumerate(blocks):
        if block.kind == "heading":
            while waiting and blocks[waiting[-1]].level >= block.level:
                ends[waiting.pop()] = place
            waiting.append(place)
    return ends


def _top_level(blocks: Sequence[BlockSpan]) -> int:
    """Return the level of the sections: a single heading above all others is the title."""
    levels = [block.level for block in blocks if block.kind == "heading"]
    lowest = min(levels, default=0)
    if levels.count(lowest) == 1 and levels[0] == lowest and len(levels) > 1:
        return min(levels[1:])
    return lowest


def sentences(text: str, span: BlockSpan) -> Iterator[tuple[int, int, bool]]:
    """Yield [start, end) of a block's sentences, or lines, and whether a thought ends there."""
    is_lines = span.kind in LINE_KINDS
    start = span.start
    for found in (_LINE if is_lines else _SENTENCE).finditer(text, span.start, span.end):
        end = found.start(found.lastgroup or 0)
        if text[start:end].strip():
            yield start, end, is_lines or _ends_sentence(text, start, end)
        start = found.end()
    if text[start : span.end].strip():
        yield start, span.end, True


def _ends_sentence(text: str, start: int, end: int) -> bool:
    return bool(_SENTENCE_END.search(text[max(start, end - _END_CHARACTERS) : end]))
