"""PPTX: slides in their order, each under its title, with tables, groups and notes.

Reads the XML itself, as the DOCX reader does: SmartArt, charts and comments are text to an
employee, and placeholders of a kind that nobody knows break no file.
"""

# lxml has no types.
# mypy: disable-error-code="attr-defined,no-any-return"
from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from apps.documents.blocks import Block, ExtractedText, assemble, one_line, table_block
from apps.documents.extract.drawing import (
    below,
    cell_text,
    chart_series,
    chart_titles,
    children,
    diagram_texts,
    named,
    plain_text,
    runs,
)
from apps.documents.extract.errors import Corrupt, NoText
from apps.documents.extract.package import (
    Parts,
    child,
    name_of,
    open_archive,
    value,
)
from apps.documents.extract.sniff import SniffedFile

_MAIN = "ppt/presentation.xml"
_TITLES = frozenset({"title", "ctrTitle"})
# Slide numbers; the master's own text is not in a slide at all.
_IGNORED_PLACEHOLDERS = frozenset({"sldNum"})
_INDENT = "  "
_SLIDE_LEVEL = 2
_USELESS_TITLES = frozenset({"", "PowerPoint Presentation"})
_MAX_HEADING_CHARACTERS = 120


def read(file: SniffedFile) -> ExtractedText:
    """Return the slides; the title is that of the title slide or among the properties.

    Raises:
        Corrupt: the package or its list of slides is broken.
        NoText: the slides hold pictures only.
    """
    with open_archive(file.content) as archive:
        parts = Parts(archive)
        main = parts.main_path(default=_MAIN)
        paths = list(_slide_paths(parts, main))
        if not paths:
            raise Corrupt
        seen: set[str] = set()
        slides = [_Slide(parts, path, number, seen) for number, path in enumerate(paths, start=1)]
        blocks = [block for slide in slides for block in slide.blocks()]
        title = _title(parts, slides)
        found = assemble(blocks, title=title, pages=len(paths), author=parts.author)
        if not found.text and parts.has_pictures:
            raise NoText
    return found


def _title(parts: Parts, slides: list[_Slide]) -> str | None:
    own = (slide.title for slide in slides if slide.title and slide.is_title_slide)
    stated = parts.title or ""
    first = slides[0].title or None
    return next(own, None if stated.strip() in _USELESS_TITLES else stated) or first


def _slide_paths(parts: Parts, main: str) -> Iterator[str]:
    """Yield the slides in the order in which they are shown, which their names do not tell."""
    relations = parts.relations(main)
    listed = child(parts.required_part(main), "sldIdLst")
    for element in children(listed):
        # Its own id stands beside it, without a namespace.
        relation = relations.get(_relation_id(element) or "")
        if relation is not None:
            yield relation.target


def _relation_id(element: etree._Element, name: str = "id") -> str | None:
    for key, text in element.items():
        if key.startswith("{") and key.rpartition("}")[2] == name:
            return text
    return None


class _Slide:
    """One slide; what repeats on every slide, such as a footer, is taken once.

    Attributes:
        title: empty until `blocks` has found it.
        is_title_slide: it is that of the whole presentation.
    """

    def __init__(self, parts: Parts, path: str, number: int, seen: set[str]) -> None:
        self._parts = parts
        self._relations = parts.relations(path)
        self._root = parts.part(path)
        self._number = number
        self._seen = seen
        self.title = ""
        self.is_title_slide = False

    def blocks(self) -> Iterator[Block]:
        """Yield the slide's title, then what stands on it, then its notes and comments."""
        tree = child(self._root, "cSld", "spTree")
        body = [*self._shapes(tree), *self._notes(), *self._comments()]
        self._find_title(tree)
        if body or self.title:
            level = 1 if self._number == 1 and self.is_title_slide else _SLIDE_LEVEL
            yield self._block("heading", self.title or f"Slide {self._number}", level)
        yield from body

    def _block(self, kind: str, text: str, level: int = 0) -> Block:
        return Block(kind, text, level, self._number)  # type: ignore[arg-type]  # one of its kinds

    def _find_title(self, tree: etree._Element | None) -> None:
        for shape in children(tree):
            kind = _placeholder(shape)
            if kind in _TITLES and not self.title:
                self.title = one_line(plain_text(child(shape, "txBody")))
                self.is_title_slide = kind == "ctrTitle"

    def _shapes(self, parent: etree._Element | None) -> Iterator[Block]:
        for shape in children(parent):
            name = name_of(shape)
            if name in {"sp", "cxnSp"}:
                yield from self._text(shape)
            elif name == "graphicFrame":
                yield from self._graphic(child(shape, "graphic", "graphicData"))
            elif name in {"grpSp", "AlternateContent", "Choice"}:
                yield from self._shapes(shape)

    def _text(self, shape: etree._Element) -> Iterator[Block]:
        kind = _placeholder(shape)
        body = child(shape, "txBody")
        if body is None or kind in _TITLES or kind in _IGNORED_PLACEHOLDERS:
            return
        if kind in {"ftr", "dt"} and not self._is_new(plain_text(body)):
            return
        is_outline = kind in {"body", "obj", "outline"} and len(list(named(body, "p"))) > 1
        items: list[str] = []
        counts: Counter[int] = Counter()
        for paragraph in _paragraphs(body):
            if paragraph.is_item(is_outline=is_outline):
                items.append(paragraph.line(counts))
                continue
            yield from self._list(items)
            items = []
            if is_outline and paragraph.is_emphasised:
                yield self._block("heading", one_line(paragraph.text), _SLIDE_LEVEL + 1)
            else:
                yield self._block("paragraph", paragraph.text)
        yield from self._list(items)

    def _list(self, items: list[str]) -> Iterator[Block]:
        if items:
            yield self._block("list", "\n".join(items))

    def _is_new(self, text: str) -> bool:
        is_new = text not in self._seen
        self._seen.add(text)
        return is_new

    def _graphic(self, data: etree._Element | None) -> Iterator[Block]:
        for element in children(data):
            name = name_of(element)
            if name == "tbl":
                rows = named(element, "tr")
                cells = [[cell_text(cell) for cell in named(row, "tc")] for row in rows]
                yield table_block(cells, page=self._number)
            elif name == "relIds":  # SmartArt, whose text lies in a part of its own
                yield from self._diagram(self._target(_relation_id(element, "dm")))
            elif name == "chart":
                yield from self._chart(self._target(_relation_id(element)))

    def _target(self, relation_id: str | None) -> etree._Element | None:
        relation = self._relations.get(relation_id or "")
        return self._parts.part(relation.target) if relation else None

    def _diagram(self, root: etree._Element | None) -> Iterator[Block]:
        yield from self._list([f"- {text}" for text in diagram_texts(root)])

    def _chart(self, root: etree._Element | None) -> Iterator[Block]:
        """Yield a chart's titles, and its numbers as a line for each series."""
        for title in chart_titles(root):
            yield self._block("paragraph", title)
        yield self._block("rows", "\n".join(chart_series(root)))

    def _notes(self) -> Iterator[Block]:
        for root in self._related("notesSlide"):
            for shape in children(child(root, "cSld", "spTree")):
                text = plain_text(child(shape, "txBody")) if _placeholder(shape) == "body" else ""
                if text.strip():
                    yield self._block("paragraph", f"Notes: {text.strip()}")

    def _comments(self) -> Iterator[Block]:
        for root in self._related("comments"):
            for comment in below(root, "cm"):
                legacy = child(comment, "text")
                text = (legacy.text or "") if legacy is not None else plain_text(comment)
                if text.strip():
                    yield self._block("paragraph", f"Comment: {text.strip()}")

    def _related(self, kind: str) -> Iterator[etree._Element]:
        for relation in self._relations.values():
            root = self._parts.part(relation.target) if relation.kind == kind else None
            if root is not None:
                yield root


def _placeholder(shape: etree._Element) -> str:
    """Return what a shape is a placeholder of: `obj` if it does not say, empty if it is none."""
    found = child(child(shape, "nvSpPr"), "nvPr", "ph")
    return "" if found is None else value(found, "type") or "obj"


@dataclass(frozen=True, slots=True)
class _Paragraph:
    """A paragraph with text; `bullet` is None where only the layout knows whether it has one."""

    text: str
    depth: int
    bullet: bool | None
    is_bold: bool
    # What an automatic number counts from.
    counts_from: int | None = None

    def is_item(self, *, is_outline: bool) -> bool:
        return self.bullet if self.bullet is not None else is_outline or self.depth > 0

    def line(self, counts: Counter[int]) -> str:
        """Return the item with its mark; counts are those of the items before it, by depth."""
        for deeper in [depth for depth in counts if depth > self.depth]:
            del counts[deeper]
        mark = "- "
        if self.counts_from is not None:
            counts[self.depth] += 1
            mark = f"{self.counts_from + counts[self.depth] - 1}. "
        below = "\n" + _INDENT * (self.depth + 1)
        return f"{_INDENT * self.depth}{mark}{self.text}".replace("\n", below)

    @property
    def is_emphasised(self) -> bool:
        """Whether it stands out of the list around it: bold, short and without its bullet."""
        return self.bullet is False and self.is_bold and len(self.text) <= _MAX_HEADING_CHARACTERS


def _paragraphs(body: etree._Element) -> Iterator[_Paragraph]:
    for element in named(body, "p"):
        text = "".join(runs(element)).strip()
        if not text:
            continue
        properties = child(element, "pPr")
        level = value(properties, "lvl") or "0"
        number = child(properties, "buAutoNum")
        begin = value(number, "startAt") or "1"
        bold = [value(child(run, "rPr"), "b") in {"1", "true"} for run in named(element, "r")]
        yield _Paragraph(
            text,
            min(int(level), 8) if level.isdecimal() else 0,
            _bullet(properties),
            all(bold),
            None if number is None else int(begin) if begin.isdecimal() and len(begin) < 7 else 1,
        )


def _bullet(properties: etree._Element | None) -> bool | None:
    if child(properties, "buNone") is not None:
        return False
    has_own = any(child(properties, name) is not None for name in ("buChar", "buAutoNum"))
    return True if has_own else None
