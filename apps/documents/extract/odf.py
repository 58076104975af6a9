"""ODT, ODS and ODP: paragraphs, headings, lists, tables, sheets and slides of OpenDocument."""

# lxml has no types.
# mypy: disable-error-code="attr-defined,no-any-return"
from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

from lxml import etree

from apps.documents.blocks import Block, ExtractedText, assemble, one_line, table_block
from apps.documents.extract.author import writer
from apps.documents.extract.errors import Encrypted, NoText
from apps.documents.extract.numbered import with_sections
from apps.documents.extract.package import Parts, child, is_named, name_of, open_archive, value
from apps.documents.extract.records import record_blocks
from apps.documents.extract.sniff import SniffedFile

_CONTENT = "content.xml"
_MANIFEST = "META-INF/manifest.xml"
# Deleted text, forms, and what only repeats or describes.
_IGNORED = frozenset({"tracked-changes", "forms", "sequence-decls", "settings", "shapes", "desc"})
_CHARACTERS = {"tab": "\t", "line-break": "\n", "soft-page-break": ""}
_NOTES = frozenset({"annotation", "note"})
_INDENT = "  "
# A cell or a row may say that it stands there a million times: the rest of the sheet, empty.
_MAX_REPEATS = 1_000
_MAX_SPACES = 1_000


def read(file: SniffedFile) -> ExtractedText:
    """Return the content; the title is among the properties or the first heading.

    Raises:
        Corrupt: the package or its content is broken.
        Encrypted: a password is needed.
        NoText: it holds pictures only.
    """
    with open_archive(file.content) as archive:
        parts = Parts(archive)
        if _is_encrypted(parts):
            raise Encrypted
        root = parts.required_part(_CONTENT)
        walk = _Walk()
        blocks = with_sections(walk.blocks(child(root, "body")))
        title, author = _title(parts, blocks), _author(parts)
        found = assemble(blocks, title=title, pages=walk.page, author=author)
        if not found.text and parts.has_pictures:
            raise NoText
    return found


def _title(parts: Parts, blocks: list[Block]) -> str | None:
    stated = child(parts.part("meta.xml"), "meta", "title")
    headings = (block.text for block in blocks if block.kind == "heading")
    return (stated.text if stated is not None else None) or next(headings, None)


def _author(parts: Parts) -> str:
    """Return who began the document, or who saved it last."""
    meta = parts.part("meta.xml")
    said = (child(meta, "meta", name) for name in ("initial-creator", "creator"))
    return next(filter(None, (writer(each.text) for each in said if each is not None)), "")


def _is_encrypted(parts: Parts) -> bool:
    manifest = parts.part(_MANIFEST)
    return manifest is not None and next(manifest.iter("{*}encryption-data"), None) is not None


class _Walk:
    """Walks a document's body.

    Attributes:
        page: the slide that it is at, None in what has no slides.
    """

    def __init__(self) -> None:
        self.page: int | None = None

    def blocks(self, parent: etree._Element | None) -> Iterator[Block]:
        """Yield the blocks below an element."""
        for element in parent if parent is not None else ():
            yield from self._element(element)

    def _element(self, element: etree._Element) -> Iterator[Block]:
        name = name_of(element)
        if name == "h":
            level = value(element, "outline-level") or "1"
            yield self._block("heading", _inline(element), int(level) if level.isdigit() else 1)
        elif name == "list":
            yield self._block("list", "\n".join(_items(element, 0)))
        elif name in _READ_BY:
            yield from _READ_BY[name](self, element)
        elif name not in _IGNORED:
            yield from self.blocks(element)

    def _block(self, kind: str, text: str, level: int = 0) -> Block:
        text = one_line(text) if kind == "heading" else text
        return Block(kind, text, min(level, 6), self.page)  # type: ignore[arg-type]  # a kind

    def _paragraph(self, element: etree._Element) -> Iterator[Block]:
        yield self._block("paragraph", _inline(element))
        for holder in _outermost(element, frozenset({"text-box", "note-body", "annotation"})):
            yield from self.blocks(holder)

    def _notes(self, notes: etree._Element) -> Iterator[Block]:
        text = " ".join(block.text for block in self.blocks(notes)).strip()
        if text:
            yield self._block("paragraph", f"Notes: {text}")

    def _slide(self, page: etree._Element) -> Iterator[Block]:
        self.page = (self.page or 0) + 1
        frames = list(page)
        is_title = [value(frame, "class") == "title" for frame in frames]
        titles = [frame for frame, is_one in zip(frames, is_title, strict=True) if is_one]
        title = " ".join(block.text for frame in titles for block in self.blocks(frame))
        rest = [frame for frame, is_one in zip(frames, is_title, strict=True) if not is_one]
        body = list(chain.from_iterable(self._element(frame) for frame in rest))
        if title.strip() or any(block.text.strip() for block in body):
            yield self._block("heading", title.strip() or f"Slide {self.page}", 2)
            yield from body

    def _table(self, table: etree._Element) -> Iterator[Block]:
        rows = [cells for row in _rows(table) if any(cells := list(_cells(row)))]
        parent = table.getparent()
        if parent is None or not is_named(parent, "spreadsheet"):
            yield table_block(rows, page=self.page)
            return
        if rows:
            yield self._block("heading", value(table, "name") or "Sheet", 1)
            width = max(len(row) for row in rows)
            yield from record_blocks(iter([row + [""] * (width - len(row)) for row in rows]))


_READ_BY: dict[str, Callable[[_Walk, etree._Element], Iterator[Block]]] = {
    "notes": _Walk._notes,
    "p": _Walk._paragraph,
    "page": _Walk._slide,
    "table": _Walk._table,
}


def _inline(element: etree._Element) -> str:
    return "".join(_texts(element)).strip()


def _texts(element: etree._Element) -> Iterator[str]:
    """Yield an element's running text; notes and text boxes stand outside of it."""
    yield element.text or ""
    for each in element:
        name = name_of(each)
        if name == "s":
            count = value(each, "c") or "1"
            yield " " * (min(int(count), _MAX_SPACES) if count.isdigit() else 1)
        elif name in _CHARACTERS:
            yield _CHARACTERS[name]
        elif name not in _NOTES and name != "text-box" and name not in _IGNORED:
            yield from _texts(each)
        yield each.tail or ""


def _outermost(element: etree._Element, names: frozenset[str]) -> Iterator[etree._Element]:
    for each in element:
        if name_of(each) in names:
            yield each
        else:
            yield from _outermost(each, names)


def _items(element: etree._Element, depth: int) -> Iterator[str]:
    """Yield a line for each item, nested lists indented below theirs."""
    for item in element:
        mark = "- "
        for part in item:
            if is_named(part, "list"):
                yield from _items(part, depth + 1)
                continue
            text = _inline(part)
            if text:
                below = "\n" + _INDENT * (depth + 1)
                yield (_INDENT * depth + mark + text).replace("\n", below)
                mark = _INDENT


def _rows(parent: etree._Element) -> Iterator[etree._Element]:
    for each in parent:
        name = name_of(each)
        if name == "table-row":
            yield from [each] * (_repeats(each, "number-rows-repeated") if len(each) else 1)
        elif name in {"table-header-rows", "table-rows", "table-row-group"}:
            yield from _rows(each)


def _cells(row: etree._Element) -> Iterator[str]:
    """Yield the cells of a row up to the last with text."""
    waiting = 0
    for cell in row:
        if name_of(cell) not in {"table-cell", "covered-table-cell"}:
            continue
        text = one_line(" ".join(_cell_lines(cell))) or _stated(cell)
        repeats = _repeats(cell, "number-columns-repeated")
        if not text:
            waiting += repeats
            continue
        yield from [""] * min(waiting, _MAX_REPEATS)
        yield from [text] * repeats
        waiting = 0


def _cell_lines(cell: etree._Element) -> Iterator[str]:
    for part in cell:
        name = name_of(part)
        if name in {"p", "h"}:
            yield _inline(part)
        elif name == "list":
            yield from _items(part, 0)
        elif name == "table":
            yield from (" ".join(_cells(row)) for row in _rows(part))


def _stated(cell: etree._Element) -> str:
    """Return the value of a cell that shows none."""
    return value(cell, "date-value") or value(cell, "value") or ""


def _repeats(element: etree._Element, attribute: str) -> int:
    text = value(element, attribute) or "1"
    return min(int(text), _MAX_REPEATS) if text.isdigit() and len(text) < 9 else 1
