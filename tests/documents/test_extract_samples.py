from __future__ import annotations

import functools
import gzip
import io
import json
import re
import shutil
import tarfile
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from apps.documents.extract import extract
from apps.documents.extract.errors import ExtractionError

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
SAMPLES = SHARED / "file_samples"
CORPUS = SHARED / "rag_multi_corpus"
# A name that lies about the content: the content decides, which the manifest allows.
NAMED_WRONGLY = {"files/html-named.pdf", "files/pdf-named.docx"}
# Three scanned pages: text where Tesseract is installed, else the refusal of the manifest.
SCANNED = "files/MEDRPT-2024-PAT-3847_medical_report_scan.pdf"
# What the manifest's notes say in words: names in an archive, values of cells.
NOTED = {
    "files/simple.zip": ["ideas-page.html", "stanley-cups.csv", "How to Get New Ideas"],
    "files/testEXCEL_dateFormats.xlsx": ["2018-09-20", "1996-08-10"],
    "files/group-shapes-nested.pptx": list("ABCDEFGHIJ"),
    "files/mime-multi-to-cc-bcc.eml": ["bob@example.com", "tom@example.com", "john@example.com"],
    SCANNED: ["COMPREHENSIVE MEDICAL REPORT", "LABORATORY RESULTS"],
}

# Ten columns on a page: the printed words themselves are broken within the cells.
NARROW_COLUMNS = {("velvera-technologies/store_locations", "pdf"): 0.85}

needs_samples = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="the reference data (../shared/data) is not on this machine"
)


def manifest() -> list[dict[str, Any]]:
    path = SAMPLES / "manifest.json"
    return json.loads(path.read_text()) if path.is_file() else [{"file": "absent"}]


def folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).split())


def failure(name: str) -> str:
    with pytest.raises(ExtractionError) as caught:
        extract(SAMPLES / name, file_name=name)
    assert caught.value.message
    assert caught.value.hint
    return caught.value.code


def is_text_expected(sample: dict[str, Any]) -> bool:
    """Say whether there is a reader: "unsupported" is for those who have none."""
    if sample["file"] == SCANNED:
        return bool(shutil.which("tesseract"))
    is_read = sample.get("error") == "unsupported" and sample["format"] != "bin"
    return is_read or "error" not in sample or sample["file"] in NAMED_WRONGLY


@needs_samples
@pytest.mark.parametrize("sample", manifest(), ids=lambda sample: sample["file"])
def test_a_real_file_gives_its_text_or_its_reason(sample: dict[str, Any]) -> None:
    name = sample["file"]
    if not is_text_expected(sample):
        assert failure(name) == sample["error"]
        return
    found = extract(SAMPLES / name, file_name=name)
    text = folded(found.text)
    expected = [*sample.get("contains", ()), *sample.get("contains_if_supported", ())]
    expected += NOTED.get(name, ())
    if name == "files/habibi.pdf":  # its vowel signs stand apart from their letters on the page
        expected = sample["contains"]
    assert [phrase for phrase in expected if folded(phrase) not in text] == []
    assert [phrase for phrase in sample.get("must_not_contain", ()) if folded(phrase) in text] == []
    assert found.pages == sample.get("pages", found.pages)
    if found.pages:
        assert {block.page for block in found.blocks} <= set(range(1, found.pages + 1))


@needs_samples
def test_a_phrase_of_a_page_is_attributed_to_it() -> None:
    name = "files/DA-619p.pdf"
    found = extract(SAMPLES / name, file_name=name)
    last = found.text.rindex("Lord Fleming")
    assert [block.page for block in found.blocks if block.start <= last < block.end] == [619]


def words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", unicodedata.normalize("NFKC", text).lower()))


def sampled_documents() -> list[dict[str, Any]]:
    path = CORPUS / "corpus.jsonl.gz"
    if not path.is_file():
        return [{"_id": "absent"}]
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        documents = [json.loads(line) for line in lines]
    return documents[::12]


@functools.cache
def archive(kind: str) -> dict[str, bytes]:
    wanted = {document["formats"][kind] for document in sampled_documents()}
    with tarfile.open(CORPUS / f"files_{kind}.tar.gz") as files:
        return {
            member.name: stream.read()
            for member in files
            if member.name in wanted and (stream := files.extractfile(member))
        }


@needs_samples
@pytest.mark.parametrize("kind", ["html", "docx", "pdf", "pptx"])
@pytest.mark.parametrize("document", sampled_documents(), ids=lambda document: document["_id"])
def test_the_same_document_has_the_same_words_in_every_format(
    document: dict[str, Any], kind: str
) -> None:
    markdown = extract(io.BytesIO(document["text"].encode()), file_name="document.md")
    name = document["formats"][kind]
    found = extract(io.BytesIO(archive(kind)[name]), file_name=name)
    # A slide without a title gets one, which nobody wrote.
    read = (
        re.sub(r"^Slide \d+$", "", found.text, flags=re.MULTILINE) if kind == "pptx" else found.text
    )
    expected, actual = words(markdown.text), words(read)
    shared = (expected & actual).total()
    least = NARROW_COLUMNS.get((document["_id"], kind), 0.95)
    assert shared >= least * expected.total()
    assert shared >= least * actual.total()
    if kind != "pdf":
        headings = [block.kind for block in found.blocks].count("heading")
        # More where the Markdown puts headings into items of a list.
        assert headings >= [block.kind for block in markdown.blocks].count("heading")
