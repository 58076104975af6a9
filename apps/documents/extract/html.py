"""HTML: the content of a page as blocks, without scripts, styles, navigation and form fields."""

# lxml has no types.
# mypy: disable-error-code="attr-defined,no-untyped-call,no-any-return"
from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree
from lxml import html as lxml_html

from apps.documents.blocks import Block, ExtractedText, assemble, one_line, table_block
from apps.documents.extract.author import writer
from apps.documents.extract.sniff import SniffedFile

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_IGNORED = frozenset(
    {
        "applet",
        "area",
        "audio",
        "base",
        "button",
        "canvas",
        "col",
        "colgroup",
        "datalist",
        "dialog",
        "embed",
        "frame",
        "head",
        "iframe",
        "input",
        "link",
        "map",
        "meta",
        "nav",
        "noframes",
        "noscript",
        "object",
        "optgroup",
        "option",
        "param",
        "picture",
        "progress",
        "script",
        "select",
        "source",
        "style",
        "svg",
        "template",
        "textarea",
        "track",
        "video",
    }
)
_IGNORED_ROLES = frozenset({"navigation", "search", "menu", "menubar", "toolbar"})
_BLOCKS = frozenset(
    {
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "caption",
        "center",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "header",
        "hgroup",
        "hr",
        "html",
        "legend",
        "li",
        "main",
        "ol",
        "p",
        "section",
        "summary",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "ul",
    }
)
_SPACE = re.compile(r"[ \t\r\n\f]+")
_INDENT = "  "
# Tables of pages from before style sheets hold whole pages: more than this is no cell.
_MAX_CELL_CHARACTERS = 2_000


def read(file: SniffedFile) -> ExtractedText:
    """Return the page's content; its title is that of its head, else its first heading."""
    root = _parsed(file.text)
    if root is None:
        return assemble(())
    blocks = list(blocks_of(root))
    title = one_line(root.findtext(".//head/title") or "")
    headings = (block.text for block in blocks if block.kind == "heading")
    named = root.xpath("//head/meta[translate(@name, 'AUTHOR', 'author') = 'author']/@content")
    author = next(filter(None, map(writer, named)), "")
    return assemble(blocks, title=title or next(headings, None), author=author)


def fragment_blocks(markup: str) -> list[Block]:
    """Return the blocks of a piece of HTML, as it stands inside Markdown."""
    root = _parsed(markup)
    return [] if root is None else list(blocks_of(root))


def blocks_of(root: etree._Element) -> Iterator[Block]:
    """Yield the blocks below an element in reading order."""
    yield from _Walk().walk(root)


def _parsed(text: str) -> etree._Element | None:
    # Bytes, because lxml refuses a string that declares an encoding.
    parser = lxml_html.HTMLParser(
        encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True, huge_tree=True
    )
    content = text.replace("\x00", "").encode(errors="replace")
    try:
        return lxml_html.document_fromstring(content, parser=parser)
    except etree.ParserError:  # nothing but comments
        return None


class _Walk:
    """Collects running text until a block element ends it."""

    def __init__(self) -> None:
        self._running: list[str] = []

    def walk(self, element: etree._Element) -> Iterator[Block]:
        yield from self._inside(element)
        yield from self._flush()

    def _inside(self, element: etree._Element) -> Iterator[Block]:
        self._running.append(_SPACE.sub(" ", element.text or ""))
        for child in element:
            if isinstance(child.tag, str) and not _is_ignored(child):
                yield from self._element(child)
            self._running.append(_SPACE.sub(" ", child.tail or ""))

    def _element(self, element: etree._Element) -> Iterator[Block]:
        tag = element.tag
        if tag == "br":
            self._running.append("\n")
        elif tag == "img":
            self._running.append(element.get("alt") or "")
        elif block := _whole_block(element):
            yield from self._flush()
            yield block
        elif tag in _BLOCKS or tag in _HEADINGS:
            yield from self._flush()
            yield from self._inside(element)
            yield from self._flush()
        else:
            yield from self._inside(element)

    def _flush(self) -> Iterator[Block]:
        text = _running_text("".join(self._running))
        self._running = []
        if text:
            yield Block("paragraph", text)


def _whole_block(element: etree._Element) -> Block | None:
    """Return the element as one block, if it is of the kind that is one."""
    tag = element.tag
    if tag in _HEADINGS:
        return Block("heading", one_line(_inline(element)), _HEADINGS[tag])
    if tag == "pre":
        return Block("code", "".join(element.itertext()))
    if tag in {"ul", "ol"}:
        return Block("list", "\n".join(_list_lines(element, 0)))
    if tag == "dl":
        return Block("list", "\n".join(_definition_lines(element)))
    if tag == "table" and _holds_data(element):
        return _table(element)
    return None


def _is_ignored(element: etree._Element) -> bool:
    return (
        element.tag in _IGNORED
        or element.get("role") in _IGNORED_ROLES
        or element.get("hidden") is not None
        or element.get("aria-hidden") == "true"
    )


def _inline(element: etree._Element) -> str:
    """Return all text below an element; block elements and line breaks end a line."""
    parts: list[str] = []
    _collect(element, parts, nested_lists=True)
    return _running_text("".join(parts))


def _collect(element: etree._Element, parts: list[str], *, nested_lists: bool) -> None:
    parts.append(_SPACE.sub(" ", element.text or ""))
    for child in element:
        if isinstance(child.tag, str) and not _is_ignored(child):
            _collect_child(child, parts, nested_lists=nested_lists)
        parts.append(_SPACE.sub(" ", child.tail or ""))


def _collect_child(child: etree._Element, parts: list[str], *, nested_lists: bool) -> None:
    if child.tag in {"ul", "ol"} and not nested_lists:
        return
    if child.tag == "br":
        parts.append("\n")
    elif child.tag == "img":
        parts.append(child.get("alt") or "")
    elif child.tag in _BLOCKS or child.tag in _HEADINGS or child.tag == "pre":
        parts.append("\n")
        _collect(child, parts, nested_lists=nested_lists)
        parts.append("\n")
    else:
        _collect(child, parts, nested_lists=nested_lists)


def _running_text(text: str) -> str:
    lines = (_SPACE.sub(" ", line).strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def _list_lines(element: etree._Element, depth: int) -> Iterator[str]:
    """Yield a line for each item, nested lists indented below theirs."""
    number = int(element.get("start") or 1) if _is_number(element.get("start")) else 1
    for item in element:
        if not isinstance(item.tag, str) or _is_ignored(item):
            continue
        if item.tag in {"ul", "ol"}:
            yield from _list_lines(item, depth + 1)
            continue
        mark = f"{number}. " if element.tag == "ol" else "- "
        number += 1
        parts: list[str] = []
        _collect(item, parts, nested_lists=False)
        text = _running_text("".join(parts))
        if text:
            yield _INDENT * depth + mark + text.replace("\n", "\n" + _INDENT * (depth + 1))
        for nested in _nested_lists(item):
            yield from _list_lines(nested, depth + 1)


def _nested_lists(item: etree._Element) -> Iterator[etree._Element]:
    for child in item:
        if not isinstance(child.tag, str) or _is_ignored(child):
            continue
        if child.tag in {"ul", "ol"}:
            yield child
        else:
            yield from _nested_lists(child)


def _is_number(value: str | None) -> bool:
    return bool(value and value.isascii() and value.isdigit() and len(value) < 9)


def _definition_lines(element: etree._Element) -> Iterator[str]:
    for child in element.iter("dt", "dd"):
        text = _inline(child).replace("\n", " ")
        yield _INDENT + text if child.tag == "dd" else text


def _holds_data(table: etree._Element) -> bool:
    """Say whether it is a table of data, and none that only lays out the page."""
    if table.get("role") == "presentation" or table.find(".//table") is not None:
        return False
    if any(table.find(f".//{tag}") is not None for tag in ("h1", "h2", "h3", "pre")):
        return False
    cells = list(table.iter("td", "th"))
    return len(cells) > 1 and all(
        sum(len(part) for part in cell.itertext()) <= _MAX_CELL_CHARACTERS for cell in cells
    )


def _table(table: etree._Element) -> Block:
    rows, header_rows = [], 0
    caption = table.find("caption")
    for row in table.iter("tr"):
        cells = [cell for cell in row if cell.tag in {"td", "th"}]
        rows.append([_inline(cell) for cell in cells])
        if len(rows) == 1 and all(cell.tag == "th" for cell in cells):
            header_rows = 1
    block = table_block(rows, header_rows=header_rows)
    if caption is None:
        return block
    text = f"{one_line(_inline(caption))}\n{block.text}"
    return Block("table", text, block.level + 1 if block.level else 0)
