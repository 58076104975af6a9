from __future__ import annotations

import io
import unicodedata
import zipfile
from collections.abc import Callable, Mapping

import pytest
from docx import Document as DocxDocument
from docx.document import Document as DocxFile
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.documents.blocks import Block, ExtractedText, assemble, cleaned
from apps.documents.extract import extract
from apps.documents.extract.encoding import decode
from apps.documents.extract.errors import (
    Corrupt,
    Empty,
    Encrypted,
    ExtractionError,
    NoText,
    TimedOut,
    TooLarge,
    Unsupported,
)
from apps.documents.extract.sniff import sniff


def read(content: str | bytes, name: str, mime_type: str | None = None) -> ExtractedText:
    encoded = content.encode() if isinstance(content, str) else content
    return extract(io.BytesIO(encoded), file_name=name, mime_type=mime_type)


def shape(found: ExtractedText) -> list[tuple[str, str]]:
    return [(block.kind, found.text[block.start : block.end]) for block in found.blocks]


def docx(fill: Callable[[DocxFile], object]) -> bytes:
    document = DocxDocument()
    fill(document)
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def package(parts: Mapping[str, bytes | str]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return stream.getvalue()


class TestMarkdown:
    def test_blocks_follow_the_text(self) -> None:
        found = read(
            "# Travel\n\nBook *early*, see [the list](http://x.example/long).\nSame line.\n\n"
            "- one\n- two\n  1. deep\n\n| City | Hotel |\n| --- | --- |\n| Rome | `Sol` |\n\n"
            "```python\nif x:\n    y()\n```\n",
            "a.md",
        )
        assert shape(found) == [
            ("heading", "Travel"),
            ("paragraph", "Book early, see the list. Same line."),
            ("list", "- one\n- two\n  1. deep"),
            ("table", "City | Hotel\nRome | Sol"),
            ("code", "if x:\n    y()"),
        ]
        assert found.blocks[0].level == 1
        assert found.blocks[3].level == 1

    @pytest.mark.parametrize(
        "front",
        ["---\ntitle: Travel policy\ntags: [a]\n---\n", '+++\ntitle="Travel policy"\n+++\n'],
    )
    def test_front_matter_gives_the_title_and_no_text(self, front: str) -> None:
        found = read(f"{front}# Other\n\nText", "a.md")
        assert found.title == "Travel policy"
        assert found.text == "Other\n\nText"

    @pytest.mark.parametrize("start", ["---\n\nText\n\n---\n", "---\n: [\n---\nText\n"])
    def test_rules_around_text_are_no_front_matter(self, start: str) -> None:
        assert "Text" in read(start, "a.md").text

    def test_embedded_html_is_read_and_comments_are_not(self) -> None:
        found = read("<!-- secret -->\n\n<div><b>Bold</b> move<br>on</div>\n\nEnd", "a.md")
        assert found.text == "Bold move\non\n\nEnd"

    def test_items_keep_what_belongs_to_them(self) -> None:
        found = read("1. First\n\n   More.\n\n   ```\n   code\n   ```\n2. Second\n", "a.md")
        assert shape(found) == [("list", "1. First\n  More.\n  code\n2. Second")]


class TestHtml:
    def test_noise_is_left_out(self) -> None:
        found = read(
            "<!doctype html><title>T &amp; C</title><style>p{}</style><body><nav>Home</nav>"
            "<script>alert(1)</script><p hidden>no</p><div role=navigation>Menu</div>"
            "<button>Click</button><h2>Scope</h2><p>One <b>two</b>\n three<p>Four</body>",
            "a.html",
        )
        assert shape(found) == [
            ("heading", "Scope"),
            ("paragraph", "One two three"),
            ("paragraph", "Four"),
        ]
        assert found.title == "T & C"

    def test_lists_and_tables(self) -> None:
        found = read(
            "<html><ul><li>one<ul><li>deep</ul><li>two</ul><ol start=3><li>three</ol>"
            "<table><tr><th>A<th>B<tr><td>1<td>x<br>y</table><dl><dt>Term<dd>Meaning</dl>",
            "a.html",
        )
        assert shape(found) == [
            ("list", "- one\n  - deep\n- two"),
            ("list", "3. three"),
            ("table", "A | B\n1 | x y"),
            ("list", "Term\n  Meaning"),
        ]

    def test_a_table_that_lays_out_the_page_is_no_table(self) -> None:
        found = read("<html><table><tr><td><h1>Big</h1><p>Text</table>", "a.html")
        assert shape(found) == [("heading", "Big"), ("paragraph", "Text")]

    def test_very_deep_pages_are_read_or_refused(self) -> None:
        page = "<html>" + "<div>" * 100_000 + "text"
        try:
            assert read(page, "a.html").text == "text"
        except ExtractionError as error:
            assert error.code in {"corrupt", "empty"}


class TestDocx:
    def test_structure(self) -> None:
        def fill(document: DocxFile) -> None:
            document.add_heading("Payroll", 0)
            document.add_heading("Dates", 1)
            document.add_paragraph("Paid monthly.")
            document.add_paragraph("one", style="List Bullet")
            document.add_paragraph("two", style="List Bullet")
            document.add_paragraph("first", style="List Number")
            table = document.add_table(rows=2, cols=2)
            for cell, text in zip(table._cells, ["Month", "Day", "May", "31"], strict=True):
                cell.text = text
            document.sections[0].header.paragraphs[0].text = "Confidential"

        found = read(docx(fill), "a.docx")
        assert shape(found) == [
            ("heading", "Payroll"),
            ("heading", "Dates"),
            ("paragraph", "Paid monthly."),
            ("list", "- one\n- two\n1. first"),
            ("table", "Month | Day\nMay | 31"),
            ("paragraph", "Confidential"),
        ]
        assert found.title == "Payroll"

    def test_a_document_without_any_text_is_empty(self) -> None:
        with pytest.raises(Empty):
            read(docx(lambda document: None), "a.docx")

    def test_a_document_of_pictures_has_no_text(self) -> None:
        parts = {"word/document.xml": b"<d><body/></d>", "word/media/image1.png": b"x"}
        with pytest.raises(NoText):
            read(package(parts), "a.docx")

    def test_inserted_text_is_read_and_deleted_text_is_not(self) -> None:
        body = (
            '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
            "<w:body><w:p><w:ins><w:r><w:t>new</w:t></w:r></w:ins><w:del><w:r>"
            "<w:delText>old</w:delText></w:r></w:del><w:r><w:tab/><w:t>end</w:t></w:r></w:p>"
            "</w:body></w:document>"
        )
        assert read(package({"word/document.xml": body}), "a.docx").text == "new\tend"

    def test_entities_are_not_followed(self, tmp_path: object) -> None:
        body = (
            '<!DOCTYPE d [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
            "<d><body><p><t>a&f;b</t></p></body></d>"
        )
        assert "root" not in read(package({"word/document.xml": body}), "a.docx").text

    def test_entities_that_grow_without_end_do_no_harm(self) -> None:
        lines = ['<!ENTITY e0 "ha">']
        lines += [f'<!ENTITY e{n} "{f"&e{n - 1};" * 20}">' for n in range(1, 12)]
        body = f"<!DOCTYPE d [{''.join(lines)}]><d><body><p><t>&e11;</t></p></body></d>"
        with pytest.raises(ExtractionError):
            read(package({"word/document.xml": body}), "a.docx")

    def test_a_package_that_bursts_is_refused(self) -> None:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("word/document.xml", "<d/>")
            archive.filelist[0].file_size = 500_000_000
        with pytest.raises(TooLarge):
            read(stream.getvalue(), "a.docx")


class TestCsv:
    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    def test_each_record_names_its_columns(self, delimiter: str) -> None:
        lines = [["City", "Rent, net"], ["Rome", "1,200"], ["Bonn", ""]]
        text = "\n".join(delimiter.join(f'"{cell}"' for cell in line) for line in lines)
        found = read(text, "a.csv")
        assert shape(found) == [("rows", "City: Rome; Rent, net: 1,200\nCity: Bonn")]

    def test_a_table_without_header_keeps_its_cells(self) -> None:
        assert read("1,2\n3,4\n", "a.csv").text == "1 | 2\n3 | 4"

    def test_line_breaks_in_cells_do_not_break_records(self) -> None:
        assert read('A,B\n"x\r\ny",z\n', "a.csv").text == "A: x y; B: z"


class TestKindOfFile:
    @pytest.mark.parametrize(
        ("content", "name", "mime_type", "expected"),
        [
            ("text", "README", None, "plain"),
            ("text", "a.txt", "text/html", "plain"),
            ("text", "a.md", "text/plain", "markdown"),
            ("text", "a", "text/markdown; charset=utf-8", "markdown"),
            ("a,b", "a.TSV", None, "csv"),
            ("text", "minutes.2024", None, "plain"),
            ("\ufeff<!-- x -->\n<!DOCTYPE html><p>x", "a.txt", None, "html"),
            ("%PDF-1.7", "a.docx", None, "pdf"),
        ],
    )
    def test_content_then_name_then_statement(
        self, content: str, name: str, mime_type: str | None, expected: str
    ) -> None:
        assert sniff(content.encode(), name, mime_type).format == expected

    @pytest.mark.parametrize(
        ("content", "name", "expected"),
        [
            (b"", "a.md", Empty),
            (b" \n\t\r\n", "a.md", Empty),
            (b"\xef\xbb\xbf\n", "a.txt", Empty),
            (b"something", "a.unheardof", Unsupported),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a.png", Unsupported),
            (b"\0\1\2\3\4\5\6\7" * 100, "a.txt", Unsupported),
            (b"plain text", "a.pdf", Corrupt),
            (b"plain text", "a.docx", Corrupt),
            (b"PK\x03\x04 and no more", "a.docx", Corrupt),
            (package({"xl/workbook.xml": "<x/>"}), "a.xlsx", Corrupt),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 600, "a.doc", Unsupported),
            (
                b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
                "a.docx",
                Encrypted,
            ),
        ],
    )
    def test_what_cannot_be_read_says_why(
        self, content: bytes, name: str, expected: type[ExtractionError]
    ) -> None:
        with pytest.raises(expected) as caught:
            read(content, name)
        assert caught.value.message
        assert caught.value.hint
        assert len(str(caught.value)) < 500

    def test_a_file_larger_than_allowed_is_refused(self) -> None:
        with pytest.raises(TooLarge):
            extract(io.BytesIO(b"x" * 101), file_name="a.txt", max_bytes=100)
        assert extract(io.BytesIO(b"x" * 100), file_name="a.txt", max_bytes=100).text

    @pytest.mark.parametrize(
        ("content", "name"),
        [
            (b"[" * 200_000, "a.md"),
            (b"> " * 50_000 + b"x", "a.md"),
            (b"<!--" * 200_000, "a.md"),
            (b"*a **b " * 50_000, "a.md"),
            (b"---\na: &a [x]\n" + b"b: [*a]\n" * 1000 + b"---\n", "a.md"),
            (b'a,"' + b"x" * 12_000_000, "a.csv"),
            (b"\n" + b" " * 2_000_000 + b"x", "a.txt"),
            (b"%PDF-1.7\n" + b"1 0 obj<</Type/Catalog/Pages 1 0 R>>endobj\n" * 10_000, "a.pdf"),
        ],
        ids=["brackets", "quotes", "comments", "stars", "yaml", "cell", "spaces", "pdf"],
    )
    def test_awkward_input_ends_with_text_or_a_reason(self, content: bytes, name: str) -> None:
        try:
            found = extract(io.BytesIO(content), file_name=name, timeout_s=5)
        except ExtractionError as error:
            assert isinstance(error, TimedOut | Corrupt | Empty)
        else:
            assert found.text
        assert read("fine", "b.txt").text == "fine"


class TestEncoding:
    @pytest.mark.parametrize(
        ("text", "encoding"),
        [
            ("Grüße aus Köln", "utf-8"),
            ("Grüße aus Köln", "utf-8-sig"),
            ("Grüße aus Köln", "utf-16"),
            ("Grüße aus Köln", "utf-16-le"),
            ("Grüße aus Köln", "utf-16-be"),
            ("Grüße aus Köln", "utf-32"),
            ("Grüße aus Köln", "cp1252"),
            ("It’s the company’s “policy” – 25,75 €, paid on Fridays.", "cp1252"),
            ("Это простой русский текст для проверки кодировки.", "cp1251"),
            ("Zażółć gęślą jaźń. Wszyscy ludzie rodzą się wolni i równi.", "cp1250"),
            ("これは日本語のテキストです。文字コードの判定を確認します。", "cp932"),
            ("这是一个简单的中文文本，用于检查编码。", "gb18030"),
            ("Αυτό είναι ένα απλό ελληνικό κείμενο για έλεγχο.", "cp1253"),
        ],
    )
    def test_text_is_read_in_the_encoding_it_was_written_in(self, text: str, encoding: str) -> None:
        assert decode(text.encode(encoding)).lstrip("\ufeff") == text

    def test_a_page_may_declare_its_encoding(self) -> None:
        page = '<html><meta charset="iso-8859-2"><p>Łódź</p>'
        assert read(page.encode("iso-8859-2"), "a.html").text == "Łódź"

    def test_a_declared_codec_that_gives_no_text_is_ignored(self) -> None:
        assert "x" in read(b'<html><meta charset="zlib"><p>x\xe9</p>', "a.html").text


@settings(max_examples=200)
@given(st.text(st.characters(), max_size=200))
def test_cleaned_text_suits_postgresql_and_search(text: str) -> None:
    found = cleaned(text + "\0\ud800\r\n")
    assert "\0" not in found
    assert "\r" not in found
    assert found == found.encode().decode()
    assert unicodedata.is_normalized("NFC", found)
    assert cleaned(found) == found
    assert not found.strip() or found.endswith(found.rstrip())


@settings(max_examples=100)
@given(
    st.lists(st.tuples(st.sampled_from(["heading", "paragraph", "code"]), st.text()), max_size=8)
)
def test_spans_are_ascending_disjoint_and_survive_storage(
    parts: list[tuple[str, str]],
) -> None:
    found = assemble([Block(kind, text, 1) for kind, text in parts], title="T", pages=2)  # type: ignore[arg-type]
    assert all(block.start < block.end for block in found.blocks)
    joined = "\n\n".join(found.text[block.start : block.end] for block in found.blocks)
    assert joined == found.text
    again = ExtractedText.from_rows(found.text, found.block_rows(), title="T", pages=2)
    assert again == found
