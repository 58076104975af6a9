"""Whatever stands in a file: its text, spans that reproduce it, or a reason; never a crash."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.documents.blocks import ExtractedText
from apps.documents.extract.errors import ExtractionError
from apps.documents.extract.process import ReaderProcess
from tests.documents.extract_cases import FILES, package, read

# What the formats' first bytes are, so that their readers get to see the rest.
COSTUMES = {
    "a.zip": b"PK\x03\x04",
    "a.docx": b"PK\x03\x04",
    "a.msg": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "a.gz": b"\x1f\x8b\x08\x00",
    "a.bz2": b"BZh9",
    "a.xz": b"\xfd7zXZ\x00\x00\x04",
    "a.rtf": b"{\\rtf1",
    "a.pdf": b"%PDF-1.7\n",
    "a.eml": b"From: a@b.c\n",
    "a.json": b"{",
    "a.ipynb": b'{"cells": [',
    "a.py": b"def f(",
}
HANG_S = 30.0


@pytest.fixture(scope="module")
def reader() -> Iterator[ReaderProcess]:
    process = ReaderProcess()
    yield process
    process.close()


def is_sound(found: ExtractedText) -> bool:
    joined = "\n\n".join(found.text[block.start : block.end] for block in found.blocks)
    return bool(found.text.strip()) and joined == found.text


def survives(reader: ReaderProcess, content: bytes, name: str) -> None:
    """Assert that a file gives sound text or a reason, and that no reader crashed over it."""
    try:
        assert is_sound(reader.read(content, file_name=name, timeout_s=HANG_S))
    except ExtractionError as error:
        assert error.message
        assert error.hint
        assert error.code not in {"timed_out", "out_of_memory"}
        assert "ended with status" not in error.detail


given_bytes = settings(
    max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), database=None
)


@pytest.mark.parametrize("name", COSTUMES)
@given_bytes
@given(content=st.binary(max_size=3_000))
def test_random_bytes_in_a_formats_clothes(
    reader: ReaderProcess, name: str, content: bytes
) -> None:
    survives(reader, COSTUMES[name] + content, name)


@pytest.mark.parametrize("name", FILES)
@given_bytes
@given(data=st.data())
def test_a_good_file_with_a_few_bytes_changed_or_cut_off(
    reader: ReaderProcess, name: str, data: st.DataObject
) -> None:
    content = bytearray(FILES[name])
    for _ in range(data.draw(st.integers(0, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    survives(reader, bytes(content[: data.draw(st.integers(1, len(content)))]), name)


@pytest.mark.parametrize("name", ["a.pptx", "a.xlsx", "a.odt"])
@given_bytes
@given(data=st.data())
def test_a_package_that_unpacks_but_holds_broken_parts(
    reader: ReaderProcess, name: str, data: st.DataObject
) -> None:
    with zipfile.ZipFile(io.BytesIO(FILES[name])) as archive:
        parts = {each: archive.read(each) for each in archive.namelist()}
    for _ in range(data.draw(st.integers(1, 3))):
        part = data.draw(st.sampled_from(sorted(parts)))
        start = data.draw(st.integers(0, len(parts[part])))
        end = data.draw(st.integers(start, len(parts[part])))
        put = data.draw(st.sampled_from([b"", b"<x/>", b"9" * 400, b"\xff\x00", b"-1", b"</x>"]))
        parts[part] = parts[part][:start] + put + parts[part][end:]
    survives(reader, package(parts), name)


plain_words = st.lists(
    st.sampled_from(["one", "1.", "2.", "§", "3", "(a)", "two", "{", "}", "def"])
)
lines = st.lists(plain_words.map(" ".join), max_size=30).map("\n".join)


@settings(max_examples=150, deadline=None)
@given(lines, st.sampled_from(["a.txt", "a.py", "a.js", "a.go", "a.rb", "a.toml", "a.eml"]))
def test_no_word_of_a_text_is_lost(text: str, name: str) -> None:
    source = f"Subject: x\n\n{text}" if name == "a.eml" else text
    try:
        found = read(source, name)
    except ExtractionError as error:
        assert error.code == "empty"
        assert not text.strip()
        return
    assert is_sound(found)
    kept = found.text.split()
    if name.endswith(("txt", "toml")):
        assert kept == text.split()
    else:  # headings name what stands below them once more
        rest = iter(kept)
        assert all(word in rest for word in text.split())
