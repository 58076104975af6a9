# pypdfium2 has no types.
# mypy: disable-error-code="no-untyped-call"
from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import pypdfium2
import pytest

from apps.documents.extract.errors import NoText, TimedOut
from apps.documents.extract.process import ReaderProcess

SCANNED = (
    Path(__file__).resolve().parents[3]
    / "shared/data/file_samples/files/MEDRPT-2024-PAT-3847_medical_report_scan.pdf"
)
needs_scan = pytest.mark.skipif(
    not SCANNED.is_file(), reason="the reference data (../shared/data) is not on this machine"
)
needs_tesseract = pytest.mark.skipif(
    shutil.which("tesseract") is None, reason="Tesseract (Debian: tesseract-ocr) is not installed"
)


@pytest.fixture
def reader() -> Iterator[ReaderProcess]:
    process = ReaderProcess()
    yield process
    process.close()


@needs_scan
@needs_tesseract
@pytest.mark.peer
def test_scanned_pages_are_read_each_under_its_number(reader: ReaderProcess) -> None:
    found = reader.read(SCANNED.read_bytes(), file_name="scan.pdf", timeout_s=120)
    pages = {
        block.page: found.text[block.start : block.end]
        for block in found.blocks
        if "HEADACHE MANAGEMENT" in found.text[block.start : block.end]
        or "LABORATORY RESULTS" in found.text[block.start : block.end]
    }
    assert sorted(page for page in pages if page) == [2, 3]
    assert found.pages == 3


@needs_scan
@needs_tesseract
@pytest.mark.peer
def test_no_time_to_recognise_is_said(reader: ReaderProcess) -> None:
    with pytest.raises(TimedOut):
        reader.read(SCANNED.read_bytes(), file_name="scan.pdf", timeout_s=0.7)


@needs_scan
def test_without_tesseract_the_refusal_says_what_would_read_it(
    reader: ReaderProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoText) as caught:
        reader.read(SCANNED.read_bytes(), file_name="scan.pdf")
    assert "tesseract-ocr" in caught.value.hint


def test_blank_pages_are_no_pictures(reader: ReaderProcess) -> None:
    document = pypdfium2.PdfDocument.new()
    document.new_page(200, 200)
    stream = io.BytesIO()
    document.save(stream)
    with pytest.raises(NoText) as caught:
        reader.read(stream.getvalue(), file_name="blank.pdf")
    assert caught.value.message
