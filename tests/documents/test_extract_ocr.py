# pypdfium2 has no types.
# mypy: disable-error-code="no-untyped-call"
from __future__ import annotations

import io
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pypdfium2
import pytest
from PIL import Image, ImageDraw, ImageFont

from apps.documents.extract.errors import NoText, TimedOut
from apps.documents.extract.process import ReaderProcess

needs_tesseract = pytest.mark.skipif(
    shutil.which("tesseract") is None, reason="Tesseract (Debian: tesseract-ocr) is not installed"
)


@pytest.fixture
def reader() -> Iterator[ReaderProcess]:
    process = ReaderProcess()
    yield process
    process.close()


def scan(pages: Sequence[str]) -> bytes:
    """Return a PDF whose pages are pictures of text."""
    font = ImageFont.load_default(size=40)
    pictures = []
    for text in pages:
        picture = Image.new("L", (1240, 600), 255)
        ImageDraw.Draw(picture).multiline_text((100, 100), text, fill=0, font=font, spacing=20)
        pictures.append(picture)
    stream = io.BytesIO()
    pictures[0].save(stream, "PDF", resolution=150, save_all=True, append_images=pictures[1:])
    return stream.getvalue()


@needs_tesseract
@pytest.mark.peer
def test_scanned_pages_are_read_each_under_its_number(reader: ReaderProcess) -> None:
    pages = ["The annual leave is\ntwenty five days.", "Travel is paid\nby the company."]
    found = reader.read(scan(pages), file_name="scan.pdf", timeout_s=120)
    read = {block.page: found.text[block.start : block.end] for block in found.blocks}
    assert read == dict(enumerate(pages, start=1))
    assert found.pages == 2


@needs_tesseract
@pytest.mark.peer
def test_no_time_to_recognise_is_said(reader: ReaderProcess) -> None:
    with pytest.raises(TimedOut):
        reader.read(scan(["Some text."] * 3), file_name="scan.pdf", timeout_s=0.05)


@needs_tesseract
@pytest.mark.peer
def test_pages_left_out_are_named(reader: ReaderProcess) -> None:
    whole = pypdfium2.PdfDocument(scan(["Some text."] * 60))
    found = None
    for seconds in (4, 8, 16, 32):  # as long as this machine takes for a few pages, not for all
        stream = io.BytesIO()
        whole.save(stream)
        try:
            found = reader.read(stream.getvalue(), file_name="scan.pdf", timeout_s=seconds)
        except TimedOut:
            continue
        break
    assert found is not None
    assert "Some text." in found.text
    assert "not recognised are on these pages" in found.text
    assert found.text.endswith("-60]")


def test_without_tesseract_the_refusal_says_what_would_read_it(
    reader: ReaderProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoText) as caught:
        reader.read(scan(["Some text."]), file_name="scan.pdf")
    assert "tesseract-ocr" in caught.value.hint


def test_blank_pages_are_no_pictures(reader: ReaderProcess) -> None:
    document = pypdfium2.PdfDocument.new()
    document.new_page(200, 200)
    stream = io.BytesIO()
    document.save(stream)
    with pytest.raises(NoText):
        reader.read(stream.getvalue(), file_name="blank.pdf")
