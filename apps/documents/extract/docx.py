"""DOCX: paragraphs, headings, lists, tables and text boxes in reading order; notes at the end.

Reads the XML itself: inserted text, content controls, text boxes, notes and comments are text to
an employee, and the object model of python-docx shows none of them.
"""

# lxml has no types.
# mypy: disable-error-code="attr-defined,no-any-return"
from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from lxml import etree

from apps.documents.blocks import Block, ExtractedText, assemble, one_line, table_block
from apps.documents.extract.docx_package import (
    Package,
    Style,
    numbering_of,
    open_package,
    outline_level,
)
from apps.documents.extract.errors import NoText
from apps.documents.extract.numbered import with_sections
from apps.documents.extract.package import child, name_of, value
from apps.documents.extract.sniff import SniffedFile

_CHARACTERS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
# Deleted text, field codes, and what stands a second time for old programs.
_IGNORED = frozenset({"del", "moveFrom", "instrText", "Fallback", "pPr", "rPr", "delText"})
_INDENT = "  "
_NO_LIST = "0"


def read(file: SniffedFile) -> ExtractedText:
    """Return the text; its title is a paragraph styled so, the first heading or a property.

    Raises:
        Corrupt: the package or its document is broken.
        NoText: it holds pictures only.
    """
    package, root = open_package(file.content)
    with package.archive:
        body = _Body(package)
        blocks = [*with_sections(_merged(body.blocks(child(root, "body")))), *_notes(package)]
        headings = (block.text for block in blocks if block.kind == "heading")
        title = body.title or next(headings, None) or package.title
        found = assemble(blocks, title=title, author=package.author)
        if not found.text and package.has_pictures:
            raise NoText
    return found


class _Body:
    """Walks a part; remembers its title and how far each numbered list has counted."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._counts: Counter[tuple[str, int]] = Counter()
        self.title: str | None = None

    def blocks(self, parent: etree._Element | None) -> Iterator[Block]:
        """Yield the blocks below an element; every item of a list is one of its own."""
        for element in parent if parent is not None else ():
            name = name_of(element)
            if name == "p":
                yield from self._paragraph(element)
            elif name == "tbl":
                yield self._table(element)
            elif name in {"sdt", "sdtContent", "ins", "customXml", "smartTag", "moveTo"}:
                yield from self.blocks(element)

    def _paragraph(self, element: etree._Element) -> Iterator[Block]:
        boxes: list[etree._Element] = []
        text = "".join(_texts(element, boxes)).strip()
        if text:
            yield self._styled(text, child(element, "pPr"))
        for box in boxes:
            yield from self.blocks(box)

    def _styled(self, text: str, properties: etree._Element | None) -> Block:
        style = self._package.styles.get(value(child(properties, "pStyle")) or "", Style())
        own = outline_level(properties)
        level = style.level if own is None else own
        if style.is_title:
            self.title = self.title or one_line(text)
            level = 1
        if level:
            return Block("heading", one_line(text), min(level, 6))
        numbering = numbering_of(properties) or style.numbering
        if numbering is None or numbering[0] == _NO_LIST:
            return Block("paragraph", text)
        return Block("list", self._item(text, *numbering))

    def _item(self, text: str, identifier: str, depth: int) -> str:
        self._counts[identifier, depth] += 1
        for deeper in range(depth + 1, 9):
            self._counts.pop((identifier, deeper), None)
        count = self._counts[identifier, depth]
        mark = f"{count}. " if (identifier, depth) in self._package.counted else "- "
        return _INDENT * depth + mark + text.replace("\n", "\n" + _INDENT * (depth + 1))

    def _table(self, table: etree._Element) -> Block:
        rows = [[self._cell(cell) for cell in _named(row, "tc")] for row in _named(table, "tr")]
        return table_block(rows)

    def _cell(self, cell: etree._Element) -> str:
        """Return a cell's text; one that continues the cell above it is empty."""
        merge = child(cell, "tcPr", "vMerge")
        if merge is not None and value(merge) != "restart":
            return ""
        return " ".join(block.text for block in self.blocks(cell))


def _texts(element: etree._Element, boxes: list[etree._Element]) -> Iterator[str]:
    """Yield the pieces of a paragraph's text; text boxes in it are put aside."""
    for each in element:
        name = name_of(each)
        if name == "t":
            yield each.text or ""
        elif name == "txbxContent":
            boxes.append(each)
        elif name in _CHARACTERS:
            yield _CHARACTERS[name]
        elif name not in _IGNORED:
            yield from _texts(each, boxes)


def _named(parent: etree._Element, name: str) -> Iterator[etree._Element]:
    """Yield the rows or cells below an element, also those inside content controls."""
    for each in parent:
        found = name_of(each)
        if found == name:
            yield each
        elif found in {"sdt", "sdtContent", "ins", "customXml"}:
            yield from _named(each, name)


def _merged(blocks: Iterable[Block]) -> Iterator[Block]:
    """Join the items of a list that follow each other to one block."""
    lines: list[str] = []
    for block in blocks:
        if block.kind == "list":
            lines.append(block.text)
            continue
        if lines:
            yield Block("list", "\n".join(lines))
            lines = []
        yield block
    if lines:
        yield Block("list", "\n".join(lines))


def _notes(package: Package) -> Iterator[Block]:
    """Yield headers, foot notes, end notes and comments: each text once, after the document."""
    seen: set[str] = set()
    for prefix in ("header", "footnotes", "endnotes", "comments"):
        for root in package.parts_beside_main(prefix):
            holders = [root] if prefix == "header" else list(root)
            for holder in holders:
                text = "\n".join(block.text for block in _Body(package).blocks(holder))
                if text.strip() and text not in seen:
                    seen.add(text)
                    yield Block("paragraph", text)
