"""Content streams from where it is, exported where Google's editors hold it."""

from __future__ import annotations

import io

import pytest
from openpyxl.reader.excel import load_workbook

from apps.connections.errors import (
    ItemForbidden,
    ItemGone,
    ItemUnsupported,
    RateLimited,
    SourceUnavailable,
)
from apps.ops.sandbox.drive.content import MOST_BYTES
from tests.connections.google_drive.ledger import Ledger
from tests.connections.google_drive.reed import ADA, BO, Reed


def content_of(reed: Reed, external_id: str, **settings: object) -> bytes:
    """Return the content that the whole company's connector hands out."""
    with reed.whole(**settings).open(external_id) as stream:
        return stream.read()


def test_each_kind_in_the_format_that_keeps_most(reed: Reed) -> None:
    picture = "# Plan\n\n![a][image1]\n\nText.\n\n[image1]: <data:image/png;base64,iVBORw0KGgo=>\n"
    doc = reed.company.add_doc("Plan", picture, owner=ADA)
    assert content_of(reed, doc) == b"# Plan\n\n![a][image1]\n\nText.\n\n"
    sheet = reed.company.add_sheet("Offices", [["City"], ["Gent"]], owner=ADA)
    book = load_workbook(io.BytesIO(content_of(reed, sheet)))  # type: ignore[no-untyped-call]
    assert [row[0].value for row in book.active.iter_rows()] == ["City", "Gent"]
    slides = reed.company.add_slides("Welcome", "Welcome\nYour week", owner=ADA)
    assert content_of(reed, slides) == b"Welcome\nYour week"
    file = reed.company.add_file("a.bin", bytes(range(256)), owner=ADA)
    assert content_of(reed, file) == bytes(range(256))


def test_large_files_are_read_as_they_arrive(reed: Reed) -> None:
    file = reed.company.add_file("large.bin", b"x" * 30_000_000, owner=ADA)
    with reed.whole().open(file) as stream:
        assert stream.read(10) == b"x" * 10


def test_what_google_cannot_export_is_unsupported(reed: Reed) -> None:
    doc = reed.company.add_doc("Large", "x" * (MOST_BYTES + 1), owner=ADA)
    with pytest.raises(ItemUnsupported, match="10 MB") as refused:
        content_of(reed, doc)
    assert refused.value.external_id == doc


def test_restrictions_are_honoured_unless_the_settings_say_otherwise(reed: Reed) -> None:
    doc = reed.company.add_doc("Closed", "text", owner=ADA)
    reed.company.forbid_download(doc)
    with pytest.raises(ItemForbidden):
        content_of(reed, doc)
    assert content_of(reed, doc, honours_restrictions=False) == b"text"
    reed.company.share(doc, BO)
    with pytest.raises(ItemForbidden), reed.own(BO, honours_restrictions=False).open(doc):
        pass


def test_what_is_gone_or_in_the_trash_is_gone(reed: Reed) -> None:
    doc = reed.company.add_doc("Doc", "text", owner=ADA)
    other = reed.company.add_doc("Other", "text", owner=ADA)
    reed.company.trash(doc)
    reed.company.delete(other)
    for name in (doc, other, "nonsense"):
        with pytest.raises(ItemGone):
            content_of(reed, name)
        with pytest.raises(ItemGone), reed.own(BO).open(name):
            pass


def test_the_one_who_has_it_is_asked_first(reed: Reed) -> None:
    doc = reed.company.add_doc("Doc", "text", owner=BO)
    ledger = Ledger()
    ledger.sweep(reed.whole())
    drive = reed.whole()
    drive.recalls(ledger.recall)
    mark = reed.company.journal.mark()
    with drive.open(doc) as stream:
        assert stream.read() == b"text"
    paths = [e.path for e in reed.company.journal.since(mark) if e.path.startswith("/drive")]
    assert paths == [f"/drive/v3/files/{doc}", f"/drive/v3/files/{doc}/export"]


def test_content_that_breaks_off_is_no_content(reed: Reed) -> None:
    file = reed.company.add_file("a.bin", b"x" * 200_000, owner=ADA)
    drive = reed.whole()
    reed.company.faults.add("truncated", path=r"files/.*", times=20)
    with pytest.raises(SourceUnavailable), drive.open(file) as stream:
        stream.read()


@pytest.mark.parametrize("kind", ["too_many", "quota"])
def test_quotas_are_waited_for(reed: Reed, kind: str) -> None:
    doc = reed.company.add_doc("Doc", "text", owner=ADA)
    reed.company.faults.add(kind, path=r"/drive/.*", times=1, retry_after_s=0)
    assert {i.title for page in reed.whole().sweep(None) for i in page.items} == {"Doc"}
    reed.company.faults.add(kind, path=r"/drive/.*", times=50, retry_after_s=600)
    with pytest.raises(RateLimited):
        content_of(reed, doc)
