"""A document's text as the page shows it: blocks of safe HTML, the asked passage marked. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString

from apps.documents.blocks import BlockSpan, ExtractedText

_SPAN = re.compile(r"(\d{1,9})-(\d{1,9})")
_BULLET = re.compile(r"\s*[-*•]\s+")
PASSAGE_ANCHOR = "passage"


@dataclass(frozen=True, slots=True)
class Span:
    """Characters [start, end) of a document's text. In URLs it is the passage's id: `120-480`."""

    start: int
    end: int

    def __str__(self) -> str:
        return f"{self.start}-{self.end}"

    def overlaps(self, block: BlockSpan) -> bool:
        """Return whether any character is in both."""
        return self.start < block.end and block.start < self.end


@dataclass(frozen=True, slots=True)
class BlockView:
    """One block on the page.

    Attributes:
        kind: heading, paragraph, list, table or code.
        level: of a heading 1 to 6, else 0.
        html: escaped; of a list its items, of a table its rows.
        page: of the document, from 1, where the format has pages.
        is_passage: some of the asked passage stands in it.
        id: anchor, unique on the page; the passage's first block has PASSAGE_ANCHOR.
    """

    kind: str
    level: int
    html: SafeString
    page: int | None
    is_passage: bool
    id: str


def parse(passage: str) -> Span | None:
    """Return the span that a URL names; None for anything that is none."""
    match = _SPAN.fullmatch(passage)
    if match is None:
        return None
    span = Span(int(match[1]), int(match[2]))
    return span if span.start < span.end else None


def views(content: ExtractedText, passage: Span | None) -> list[BlockView]:
    """Return the document's blocks in reading order."""
    shown: list[BlockView] = []
    is_anchor_free = True
    for number, block in enumerate(content.blocks):
        is_passage = passage is not None and passage.overlaps(block)
        is_first = is_passage and is_anchor_free
        is_anchor_free = is_anchor_free and not is_first
        shown.append(
            BlockView(
                kind="list" if block.kind == "rows" else block.kind,
                level=block.level if block.kind == "heading" else 0,
                html=_html(block, content.text[block.start : block.end]),
                page=block.page,
                is_passage=is_passage,
                id=PASSAGE_ANCHOR if is_first else f"block-{number}",
            )
        )
    return shown


def _html(block: BlockSpan, text: str) -> SafeString:
    if block.kind == "table":
        return _table(text.split("\n"), header_rows=block.level)
    if block.kind == "list":
        return _items(_BULLET.sub("", line, count=1) for line in text.split("\n"))
    if block.kind == "rows":
        return _items(text.split("\n"))
    return escape(text)


def _items(lines: Iterable[str]) -> SafeString:
    return format_html_join("", "<li>{}</li>", ((line.strip(),) for line in lines if line.strip()))


def _table(lines: list[str], *, header_rows: int) -> SafeString:
    head = format_html_join("", "{}", ((_row(line, "th"),) for line in lines[:header_rows]))
    body = format_html_join("", "{}", ((_row(line, "td"),) for line in lines[header_rows:]))
    if not header_rows:
        return format_html("<tbody>{}</tbody>", body)
    return format_html("<thead>{}</thead><tbody>{}</tbody>", head, body)


def _row(line: str, cell: str) -> SafeString:
    template = "<th scope='col'>{}</th>" if cell == "th" else "<td>{}</td>"
    cells = format_html_join("", template, ((text.strip(),) for text in line.split(" | ")))
    return format_html("<tr>{}</tr>", cells)
