"""Text in the drawings of Office: paragraphs, cells, SmartArt and charts of DrawingML."""

# lxml has no types.
# mypy: disable-error-code="attr-defined,no-any-return"
from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from apps.documents.blocks import one_line
from apps.documents.extract.package import child, is_named, name_of, value


def runs(element: etree._Element) -> Iterator[str]:
    """Yield the pieces of a paragraph's text."""
    for each in element:
        name = name_of(each)
        if name == "t":
            yield each.text or ""
        elif name == "br":
            yield "\n"
        elif name == "tab":
            yield "\t"
        elif name not in {"pPr", "rPr", "endParaRPr"}:
            yield from runs(each)


def plain_text(element: etree._Element | None) -> str:
    """Return all paragraphs below an element, a line each."""
    lines = ("".join(runs(paragraph)) for paragraph in below(element, "p"))
    return "\n".join(line for line in lines if line.strip())


def cell_text(cell: etree._Element) -> str:
    """Return a cell's text; one that continues another is empty."""
    if {value(cell, "hMerge"), value(cell, "vMerge")} & {"1", "true"}:
        return ""
    return plain_text(child(cell, "txBody"))


def diagram_texts(root: etree._Element | None) -> Iterator[str]:
    """Yield what the points of a SmartArt graphic say."""
    for point in children(child(root, "ptLst")):
        text = one_line(plain_text(point))
        if text:
            yield text


def chart_titles(root: etree._Element | None) -> Iterator[str]:
    """Yield the titles of a chart and of its axes."""
    for title in below(child(root, "chart"), "title"):
        text = plain_text(title)
        if text.strip():
            yield text


def chart_series(root: etree._Element | None) -> Iterator[str]:
    """Yield a chart's numbers as they were last computed, a line for each series."""
    for series in below(child(root, "chart"), "ser"):
        line = _series(series)
        if line:
            yield line


def _series(series: etree._Element) -> str:
    name = " ".join(_cached(child(series, "tx")))
    labels = list(_cached(child(series, "cat")))
    numbers = list(_cached(child(series, "val")))
    if labels and len(labels) == len(numbers):
        numbers = [f"{label}: {number}" for label, number in zip(labels, numbers, strict=True)]
    return "; ".join(part for part in (name, *numbers) if part)


def _cached(element: etree._Element | None) -> Iterator[str]:
    for point in below(element, "v"):
        yield (point.text or "").strip()


def named(parent: etree._Element, name: str) -> Iterator[etree._Element]:
    """Yield the elements of a name right below one."""
    return (each for each in parent if is_named(each, name))


def below(element: etree._Element | None, name: str) -> Iterator[etree._Element]:
    """Yield the elements of a name at any depth."""
    if element is not None:
        yield from element.iter(f"{{*}}{name}")


def children(element: etree._Element | None) -> Iterator[etree._Element]:
    """Yield the elements right below one, if there is one."""
    yield from () if element is None else element
