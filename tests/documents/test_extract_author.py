"""Who wrote a file: each format says it in its own way, and programs write names of nobody."""

# openpyxl and python-pptx have no types.
# mypy: disable-error-code="no-untyped-call,attr-defined"
from __future__ import annotations

import io

import pytest
from docx import Document as Word
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.workbook.workbook import Workbook
from pptx import Presentation

from apps.documents.blocks import ExtractedText
from apps.documents.extract.author import writer
from apps.documents.extract.run import extract
from tests.documents.extract_cases import ODF, package, read

ADA = "Ada Lovelace"


def word(author: str) -> bytes:
    document = Word()
    document.add_paragraph("Words.")
    document.core_properties.author = author
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def slides(author: str) -> bytes:
    deck = Presentation()
    deck.slides.add_slide(deck.slide_layouts[0]).shapes.title.text = "Plans"
    deck.core_properties.author = author
    stream = io.BytesIO()
    deck.save(stream)
    return stream.getvalue()


def sheet(author: str) -> bytes:
    book = Workbook()
    book.active["A1"] = "Costs"
    book.properties.creator = author
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def open_text(author: str) -> bytes:
    body = f'<o:body xmlns:o="{ODF}:office:1.0"><o:text><t:p xmlns:t="{ODF}:text:1.0">Words.</t:p>'
    meta = f"<m:initial-creator xmlns:m='{ODF}:meta:1.0'>{author}</m:initial-creator>"
    root = f'xmlns:o="{ODF}:office:1.0"'
    return package(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "content.xml": f"<o:document-content {root}>{body}</o:text></o:body>"
            "</o:document-content>",
            "meta.xml": f"<o:document-meta {root}><o:meta>{meta}</o:meta></o:document-meta>",
        }
    )


def pdf(author: str) -> bytes:
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R"
        "/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>",
        "<</Length 41>>stream\nBT /F 12 Tf 20 100 Td (Some words.) Tj ET\nendstream",
        f"<</Author({author})>>",
    ]
    text, places = "%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(text))
        text += f"{number} 0 obj\n{content}\nendobj\n"
    start = len(text)
    rows = "".join(f"{place:010d} 00000 n \n" for place in places)
    text += f"xref\n0 6\n0000000000 65535 f \n{rows}"
    return f"{text}trailer<</Size 6/Root 1 0 R/Info 5 0 R>>\nstartxref\n{start}\n%%EOF".encode()


FILES = {
    "a.docx": word,
    "a.pptx": slides,
    "a.xlsx": sheet,
    "a.odt": open_text,
    "a.pdf": pdf,
    "a.html": lambda author: (
        f'<html><head><meta name="Author" content="{author}"></head><body><p>Words.</body></html>'
    ).encode(),
    "a.md": lambda author: f"---\ntitle: T\nauthor: {author}\n---\nWords.\n".encode(),
    "a.eml": lambda author: (
        f"From: {author} <ada@example.com>\nSubject: Words\n\nMore words.\n".encode()
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_file_says_who_wrote_it(name: str) -> None:
    assert read(FILES[name](ADA), name).author == ADA


@pytest.mark.parametrize("name", sorted(FILES.keys() - {"a.eml"}))
def test_name_that_programs_write_is_nobodys(name: str) -> None:
    assert read(FILES[name]("Administrator"), name).author == ""


def test_author_comes_back_from_the_process_that_reads() -> None:
    found: ExtractedText = extract(
        io.BytesIO(word(ADA)),
        file_name="a.docx",
        mime_type=None,
        timeout_s=60,
        memory_mb=1024,
        max_bytes=1_000_000,
    )
    assert found.author == ADA


def test_address_stands_for_who_has_no_name() -> None:
    assert writer("<ada@example.com>") == "ada@example.com"
    assert writer('"Lovelace, Ada" <ada@example.com>') == "Lovelace, Ada"


@given(st.one_of(st.none(), st.integers(), st.text()))
def test_author_is_one_short_line_whatever_a_file_states(stated: object) -> None:
    found = writer(stated)
    assert found == found.strip()
    assert len(found) <= 200
    assert "\n" not in found
    assert "\0" not in found
