"""The parts of a DOCX package that say what its paragraphs are: styles, numbering, title."""

# lxml has no types.
# mypy: disable-error-code="attr-defined,no-any-return"
from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from apps.documents.extract.package import Parts, child, is_named, open_archive, value

_DOCUMENT = "word/document.xml"
_HEADING_STYLE = re.compile(r"heading ([1-9])$", re.IGNORECASE)
_MAX_STYLE_DEPTH = 20
_BODY_TEXT_LEVEL = 9


@dataclass(frozen=True, slots=True)
class Style:
    """What matters here of a paragraph style, inherited values filled in."""

    level: int = 0
    is_title: bool = False
    numbering: tuple[str, int] | None = None


@dataclass(slots=True)
class Package(Parts):
    """A DOCX file's parts, read on demand."""

    main: str = _DOCUMENT
    styles: dict[str, Style] = field(default_factory=dict)
    # (numbering id, level) of those lists that count; all others have bullets.
    counted: set[tuple[str, int]] = field(default_factory=set)

    def beside_main(self, name: str) -> etree._Element | None:
        """Return a part that lies in the folder of the document's own, such as `styles.xml`."""
        return self.part(posixpath.join(posixpath.dirname(self.main), name))

    def parts_beside_main(self, prefix: str) -> Iterator[etree._Element]:
        """Yield the numbered parts of a kind, such as `header1.xml`."""
        folder = posixpath.dirname(self.main)
        for path in sorted(self.archive.namelist()):
            if re.fullmatch(re.escape(posixpath.join(folder, prefix)) + r"\d*\.xml", path):
                root = self.part(path)
                if root is not None:
                    yield root


def open_package(content: bytes) -> tuple[Package, etree._Element]:
    """Return the package and the root of its main part.

    Raises:
        Corrupt: it is no zip file, or holds no readable document.
    """
    package = Package(open_archive(content))
    package.main = package.main_path(default=_DOCUMENT)
    root = package.required_part(package.main)
    package.styles = dict(_styles(package.beside_main("styles.xml")))
    package.counted = set(_counted(package.beside_main("numbering.xml")))
    return package, root


def _styles(root: etree._Element | None) -> Iterator[tuple[str, Style]]:
    if root is None:
        return
    elements = {value(each, "styleId"): each for each in root if is_named(each, "style")}
    for identifier in elements:
        if identifier is not None:
            yield identifier, _style(identifier, elements)


def _style(identifier: str, elements: dict[str | None, etree._Element]) -> Style:
    """Follow a style to those that it is based on until all that matters is known."""
    level: int | None = None
    numbering: tuple[str, int] | None = None
    is_title = False
    following: str | None = identifier
    for _ in range(_MAX_STYLE_DEPTH):
        element = elements.get(following)
        if element is None:
            break
        name = value(child(element, "name")) or ""
        is_title = is_title or name.lower() == "title"
        level = _level(name, child(element, "pPr")) if level is None else level
        numbering = numbering or numbering_of(child(element, "pPr"))
        following = value(child(element, "basedOn"))
    return Style(level or 0, is_title, numbering)


def _level(name: str, properties: etree._Element | None) -> int | None:
    """Return the level of a heading, 0 of a style that is expressly none, else None."""
    found = _HEADING_STYLE.match(name)
    return int(found.group(1)) if found else outline_level(properties)


def outline_level(properties: etree._Element | None) -> int | None:
    """Return the outline level among a paragraph's properties: from 1, 0 for body text."""
    text = value(child(properties, "outlineLvl"))
    if text is None or not text.isdecimal():
        return None
    level = int(text)
    return 0 if level >= _BODY_TEXT_LEVEL else level + 1


def numbering_of(properties: etree._Element | None) -> tuple[str, int] | None:
    """Return the list (id "0": expressly none) and the depth in it, from 0."""
    numbering = child(properties, "numPr")
    identifier = value(child(numbering, "numId"))
    depth = value(child(numbering, "ilvl")) or "0"
    if identifier is None:
        return None
    return identifier, min(int(depth), 8) if depth.isdigit() else 0


def _counted(root: etree._Element | None) -> Iterator[tuple[str, int]]:
    if root is None:
        return
    formats: dict[str | None, list[int]] = {}
    for element in root:
        if is_named(element, "abstractNum"):
            formats[value(element, "abstractNumId")] = [
                int(value(level, "ilvl") or 0)
                for level in element
                if is_named(level, "lvl")
                and value(child(level, "numFmt")) not in {"bullet", "none"}
            ]
    for element in root:
        if is_named(element, "num"):
            identifier = value(element, "numId") or ""
            for depth in formats.get(value(child(element, "abstractNumId")), ()):
                yield identifier, depth
