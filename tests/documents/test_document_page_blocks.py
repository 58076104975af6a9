"""The blocks of a document's page: safe, in order, with the asked passage marked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.documents import passages
from apps.documents.blocks import Block, ExtractedText, assemble
from apps.documents.passages import Span

ATTACK = "<script>alert(1)</script> | <img src=x onerror=alert(2)>"


def content() -> ExtractedText:
    return assemble(
        [
            Block("heading", "Prices", 1),
            Block("paragraph", "All prices are net."),
            Block("table", "Bike | Price\nHeron | 2,400", 1),
            Block("list", "- one\n- two"),
            Block("code", "if a < b:\n    pass"),
            Block("rows", "Name: Ada; Room: 3"),
        ]
    )


def test_each_kind_becomes_its_html() -> None:
    html = [block.html for block in passages.views(content(), None)]
    assert html[:2] == ["Prices", "All prices are net."]
    assert html[2] == (
        "<thead><tr><th scope='col'>Bike</th><th scope='col'>Price</th></tr></thead>"
        "<tbody><tr><td>Heron</td><td>2,400</td></tr></tbody>"
    )
    assert html[3] == "<li>one</li><li>two</li>"
    assert html[4] == "if a &lt; b:\n    pass"
    assert html[5] == "<li>Name: Ada; Room: 3</li>"


@pytest.mark.parametrize("kind", ["heading", "paragraph", "table", "list", "code", "rows"])
def test_markup_in_a_document_is_text(kind: str) -> None:
    document = assemble([Block(kind, f"{ATTACK}\n{ATTACK}", 1)])  # type: ignore[arg-type]
    (block,) = passages.views(document, None)
    assert "<script" not in block.html
    assert "<img" not in block.html
    assert "&lt;script&gt;" in block.html


def test_blocks_that_the_passage_touches_are_marked_and_the_first_is_the_anchor() -> None:
    document = content()
    start = document.text.index("net.")
    views = passages.views(document, Span(start, document.text.index("Heron")))
    assert [view.is_passage for view in views] == [False, True, True, False, False, False]
    assert [view.id for view in views if view.is_passage] == ["passage", "block-2"]


def test_no_passage_marks_nothing() -> None:
    assert not any(view.is_passage for view in passages.views(content(), None))


@given(st.integers(0, 300), st.integers(1, 300))
def test_anchors_are_unique_and_marks_are_what_overlaps(start: int, length: int) -> None:
    document = content()
    span = Span(start, start + length)
    views = passages.views(document, span)
    assert len({view.id for view in views}) == len(views)
    for view, block in zip(views, document.blocks, strict=True):
        has_common = bool(set(range(block.start, block.end)) & set(range(span.start, span.end)))
        assert view.is_passage == has_common


@pytest.mark.parametrize("text", ["", "12", "5-3", "3-3", "-1-4", "a-b", "1-2-3", "1" * 30 + "-2"])
def test_what_is_no_span_is_ignored(text: str) -> None:
    assert passages.parse(text) is None


@given(st.integers(0, 10**8), st.integers(1, 10**8))
def test_span_in_a_url_reads_back(start: int, length: int) -> None:
    span = Span(start, start + length)
    assert passages.parse(str(span)) == span or start + length >= 10**9
