from __future__ import annotations

import io
import struct
import zipfile

import pytest

from apps.documents.extract.errors import Corrupt, Encrypted, ExtractionError, NoText, Unsupported
from apps.documents.extract.rtf_packing import unpacked
from tests.documents.extract_cases import (
    FILES,
    RTF,
    headings,
    odf,
    package,
    pptx,
    read,
    shape,
    xlsx,
)


def with_part(content: bytes, name: str, change: tuple[bytes, bytes]) -> bytes:
    """Return a package with one part changed."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {each: archive.read(each) for each in archive.namelist()}
    assert change[0] in parts[name]
    parts[name] = parts[name].replace(*change)
    return package(parts)


def ole(stream: str) -> bytes:
    """Return an OLE file with one empty stream: header, allocation table, directory."""
    name = stream.encode("utf-16-le")
    header = struct.pack(
        "<8s16xHHHHH6xIIIIIIIIII",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        *(0x3E, 3, 0xFFFE, 9, 6),
        *(0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0, 0),
    )

    def entry(text: bytes, kind: int, below: int) -> bytes:
        free = 0xFFFFFFFF
        head = struct.pack("<64sHBBIII", text, len(text) + 2, kind, 1, free, free, below)
        return head + bytes(36) + struct.pack("<IQ", 0xFFFFFFFE, 0)

    table = struct.pack("<II", 0xFFFFFFFD, 0xFFFFFFFE).ljust(512, b"\xff")
    directory = entry("Root Entry".encode("utf-16-le"), 5, 1) + entry(name, 2, 0xFFFFFFFF)
    return header.ljust(512, b"\xff") + table + directory.ljust(512, b"\0")


class TestPptx:
    def test_slides_in_order_with_tables_groups_and_notes(self) -> None:
        found = read(pptx(), "a.pptx")
        assert shape(found) == [
            ("heading", "Quarterly review"),
            ("paragraph", "Finance"),
            ("heading", "Costs"),
            ("list", "- Travel is up\n  - by a tenth"),
            ("table", "Team | Cost\nSales | 900"),
            ("paragraph", "Notes: Say why."),
            ("heading", "Slide 3"),
            ("paragraph", "Deep inside"),
        ]
        assert [block.page for block in found.blocks] == [1, 1, 2, 2, 2, 2, 3, 3]
        assert [level for level, _ in headings(found)] == [1, 2, 2]
        assert found.title == "Quarterly review"
        assert found.pages == 3

    def test_the_list_of_slides_decides_their_order(self) -> None:
        first, second = b'r:id="rId7"', b'r:id="rId8"'
        swapped = with_part(pptx(), "ppt/presentation.xml", (first, b'r:id="rIdX"'))
        swapped = with_part(swapped, "ppt/presentation.xml", (second, first))
        swapped = with_part(swapped, "ppt/presentation.xml", (b'r:id="rIdX"', second))
        assert [text for _, text in headings(read(swapped, "a.pptx"))] == [
            "Costs",
            "Quarterly review",
            "Slide 3",
        ]

    def test_a_deck_without_its_list_of_slides_is_broken(self) -> None:
        with pytest.raises(Corrupt):
            read(package({"ppt/presentation.xml": "<p/>"}), "a.pptx")
        with pytest.raises(Corrupt):
            read(package({"ppt/presentation.xml": "<p"}), "a.pptx")

    def test_external_entities_stay_closed(self) -> None:
        secret = b'<!DOCTYPE p [<!ENTITY f SYSTEM "file:///etc/passwd">]><p:sld'
        changed = with_part(pptx(), "ppt/slides/slide2.xml", (b"<p:sld", secret))
        changed = with_part(changed, "ppt/slides/slide2.xml", (b"Travel is up", b"&f;"))
        assert "root:" not in read(changed, "a.pptx").text


class TestXlsx:
    def test_rows_name_their_columns_and_values_are_written_as_people_write_them(self) -> None:
        found = read(xlsx(), "a.xlsx")
        assert shape(found) == [
            ("heading", "Rents"),
            ("paragraph", "Rents of all shops"),
            (
                "rows",
                "City: Rome; Since: 2027-05-03; Rent: 1200.5; Share: 25%\n"
                "City: Bonn; Since: 2027-05-03 14:30:00; Rent: 900; Share: TRUE",
            ),
        ]

    def test_a_formula_gives_the_value_that_was_computed(self) -> None:
        part = "xl/worksheets/sheet3.xml"
        computed = with_part(xlsx(), part, (b"<f>1+1</f>", b"<f>1+1</f><v>2</v>"))
        assert shape(read(computed, "a.xlsx"))[-2:] == [("heading", "Notes"), ("paragraph", "2")]

    def test_a_sheet_that_claims_to_be_huge_costs_nothing(self) -> None:
        huge = (b'ref="A1:D4"', b'ref="A1:XFD1048576"')
        assert read(with_part(xlsx(), "xl/worksheets/sheet1.xml", huge), "a.xlsx").text

    def test_entities_are_refused(self) -> None:
        bomb = b'<!DOCTYPE w [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><worksheet'
        with pytest.raises(ExtractionError):
            changed = with_part(xlsx(), "xl/worksheets/sheet1.xml", (b"<worksheet", bomb))
            read(changed, "a.xlsx")


class TestOpenDocument:
    def test_text(self) -> None:
        found = read(FILES["a.odt"], "a.odt")
        assert shape(found) == [
            ("heading", "Leave"),
            ("paragraph", "Twenty  days a year."),
            ("paragraph", "In full."),
            ("list", "- one\n  - deep"),
            ("table", "City | x | x"),
        ]
        assert found.title == "Leave"

    def test_sheets(self) -> None:
        cells = "".join(
            f"<table:table-row>{''.join(row)}</table:table-row>"
            for row in (
                [f"<table:table-cell><text:p>{name}</text:p></table:table-cell>" for name in "AB"],
                ["<table:table-cell><text:p>x</text:p></table:table-cell>"] * 2,
                ["<table:table-cell table:number-columns-repeated='99999999'/>"],
            )
        )
        found = read(
            odf(
                "spreadsheet",
                f"<office:spreadsheet><table:table table:name='One'>{cells}</table:table>"
                "</office:spreadsheet>",
            ),
            "a.ods",
        )
        assert shape(found) == [("heading", "One"), ("rows", "A: x; B: x")]

    def test_slides(self) -> None:
        slide = (
            "<drawing:page drawing:name='p'><drawing:frame presentation:class='title'>"
            "<drawing:text-box><text:p>Costs</text:p></drawing:text-box></drawing:frame>"
            "<drawing:frame><drawing:text-box><text:p>Up.</text:p></drawing:text-box>"
            "</drawing:frame></drawing:page>"
        )
        body = f"<office:presentation>{slide}{slide}</office:presentation>"
        found = read(odf("presentation", body), "a.odp")
        assert shape(found)[:2] == [("heading", "Costs"), ("paragraph", "Up.")]
        assert found.pages == 2

    def test_a_password_is_named(self) -> None:
        parts = {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "content.xml": "no XML",
            "META-INF/manifest.xml": "<m><file-entry><encryption-data/></file-entry></m>",
        }
        with pytest.raises(Encrypted):
            read(package(parts), "a.odt")


class TestRtf:
    def test_headings_tables_and_every_kind_of_letter(self) -> None:
        found = read(RTF, "a.rtf")
        assert shape(found) == [
            ("heading", "Leave"),
            ("paragraph", "Grüße, €5 При {x}"),
            ("table", "City | Rent\nRome | 9"),
            ("paragraph", "End"),
        ]
        assert "hidden" not in found.text

    def test_pictures_alone_are_no_text(self) -> None:
        with pytest.raises(NoText):
            read(rb"{\rtf1{\pict\pngblip 89504e47}}", "a.rtf")

    def test_outlook_packs_it(self) -> None:
        plain = rb"{\rtf1 Hello}"
        header = struct.pack("<II4sI", len(plain) + 12, len(plain), b"MELA", 0)
        assert unpacked(header + plain) == plain
        # The example of [MS-OXRTFCP] 3.1.1.
        packed = bytes.fromhex(
            "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af320"
            "68656c090020627705b06c647d0a800fa0"
        )
        assert unpacked(packed) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"


@pytest.mark.parametrize(
    ("content", "modern"),
    [
        (package({"xl/workbook.bin": b"\x83\x01"}), "XLSX"),
        (ole("Workbook"), "XLSX"),
        (ole("PowerPoint Document"), "PPTX"),
    ],
)
def test_formats_without_a_reader_say_what_to_save_as(content: bytes, modern: str) -> None:
    with pytest.raises(Unsupported) as caught:
        read(content, "a.file")
    assert modern in caught.value.hint


def test_an_encrypted_package_is_told_by_its_stream() -> None:
    with pytest.raises(Encrypted):
        read(ole("EncryptedPackage"), "a.docx")
