"""PDF: the text of each page, its lines joined to paragraphs by their places on the page."""

# pypdfium2 has no types.
# mypy: disable-error-code="attr-defined,no-untyped-call"
from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise
from statistics import median

import pypdfium2
import pypdfium2.raw as pdfium

from apps.documents.blocks import Block, ExtractedText, assemble
from apps.documents.extract import ocr
from apps.documents.extract.allowance import Allowance
from apps.documents.extract.author import writer
from apps.documents.extract.errors import Corrupt, Encrypted, ExtractionError, NoText, TimedOut
from apps.documents.extract.numbered import with_sections
from apps.documents.extract.sniff import SniffedFile

_LIGATURES = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
)
# How PDFium marks a hyphen at the end of a line.
_HYPHEN_MARKS = ("\ufffe", "\x02", "\u00ad")
_BROKEN_WORD = re.compile("[\ufffe\x02\u00ad]\\s?(?=[^\\W\\d_A-Z])")
_LINE_END_HYPHEN = re.compile("[\ufffe\x02]")
_BULLET = re.compile(r"[•◦▪●○■‣⁃–—*·-]\s|\(?\d{1,3}[.)]\s|\(?[a-zA-Z][.)]\s")
_SENTENCE_END = re.compile(r"[.!?:;…]['\"”’)\]]*$")
# A next line further away than this many usual distances begins a paragraph.
_GAP = 1.35
# A line that ends before this share of the column's width was ended by its author.
_FULL_LINE = 0.75
_BLANK_LINE = re.compile(r"\n\s*\n")
_INSTALL_OCR = (
    "Install Tesseract (Debian's package tesseract-ocr) beside Kenward's workers, so that they "
    "read such pages; or run text recognition (OCR) on the file and replace it."
)
_UNREAD_FILE = "Recognising the text of the scanned pages took too long."
_USELESS_TITLE = re.compile(
    r"^\(?(untitled|anonymous)|microsoft (word|powerpoint)|\.(docx?|pptx?|indd|tex|dvi)$",
    re.IGNORECASE,
)


@dataclass(slots=True)
class _Line:
    text: str
    left: float
    right: float
    baseline: float
    # PDFium joins a line to the next where a word is broken: then it ends further down.
    end_baseline: float


def read(file: SniffedFile) -> ExtractedText:
    """Return the text page by page; of pages that are pictures what Tesseract recognises.

    Raises:
        Encrypted: a password is needed; one that only restricts copying is not.
        Corrupt: PDFium finds no document or no page in it.
        NoText: the pages hold no text.
    """
    try:
        document = pypdfium2.PdfDocument(file.content)
        pages = len(document)
    except pypdfium2.PdfiumError as error:
        if pdfium.FPDF_GetLastError() == pdfium.FPDF_ERR_PASSWORD or "password" in str(error):
            raise Encrypted from error
        raise Corrupt(detail=str(error)) from error
    if not pages:
        raise Corrupt
    pictures = _Pictures(file.allowance)
    blocks = [block for number in range(pages) for block in _page(document, number, pictures)]
    if not any(character.isalnum() for block in blocks for character in block.text):
        # PDFium rebuilds what it can; a file cut short may come out as blank pages.
        raise pictures.why_nothing() if b"startxref" in file.content else Corrupt
    blocks = with_sections(blocks)
    said = document.get_metadata_dict()
    return assemble(
        [*blocks, *pictures.note()],
        title=_title(said.get("Title", "")),
        pages=pages,
        author=writer(said.get("Author")),
    )


class _Pictures:
    """Pages that are pictures, given to OCR as long as the file's allowance lasts."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._unread: list[int] = []

    def blocks(self, page: pypdfium2.PdfPage, number: int) -> Iterator[Block]:
        """Yield the paragraphs on a page's picture; none where it cannot be recognised."""
        if not any(each.type == pdfium.FPDF_PAGEOBJ_IMAGE for each in page.get_objects()):
            return
        try:
            text = ocr.page_text(page, self._allowance) if ocr.languages() else ""
        except ocr.NotRecognised:
            self._unread.append(number)
            return
        for paragraph in _BLANK_LINE.split(text):
            yield Block("paragraph", paragraph, page=number)

    def why_nothing(self) -> ExtractionError:
        """Return why a file with no text on any page gave none."""
        if not ocr.languages():
            return NoText(hint=_INSTALL_OCR)
        return TimedOut(_UNREAD_FILE) if self._unread else NoText()

    def note(self) -> Iterator[Block]:
        """Yield what a reader of the document has to know of pages that were left out."""
        if self._unread:
            pages = ", ".join(_ranges(self._unread))
            text = f"[Pictures whose text was not recognised are on these pages: {pages}]"
            yield Block("paragraph", text)


def _ranges(numbers: list[int]) -> Iterator[str]:
    """Yield ascending numbers as ranges: 2, 3, 4, 9 as `2-4`, `9`."""
    for _, run in groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0]):
        first, *rest = [number for _, number in run]
        yield f"{first}-{rest[-1]}" if rest else str(first)


def _title(stated: str) -> str | None:
    title = stated.strip()
    return None if _USELESS_TITLE.search(title) else title


def _page(document: pypdfium2.PdfDocument, number: int, pictures: _Pictures) -> Iterator[Block]:
    """Yield the paragraphs of a page; a page that PDFium cannot load holds none."""
    try:
        page = document[number]
        text_page = page.get_textpage()
    except pypdfium2.PdfiumError:
        return
    lines = _lines(text_page)
    text_page.close()
    if not any(character.isalnum() for line in lines for character in line.text):
        yield from pictures.blocks(page, number + 1)
    page.close()
    for paragraph in _paragraphs(lines):
        yield Block("paragraph", paragraph, page=number + 1)


def _lines(text_page: pypdfium2.PdfTextPage) -> list[_Line]:
    lines = []
    position = 0
    for raw in text_page.get_text_range().split("\n"):
        text = raw.rstrip("\r")
        stripped = text.strip()
        if stripped:
            first = position + len(text) - len(text.lstrip())
            left, baseline = _origin(text_page, first)
            right, end_baseline = _origin(text_page, position + len(text.rstrip()) - 1)
            lines.append(_Line(stripped, left, right, baseline, end_baseline))
        position += len(raw) + 1
    return lines


def _origin(text_page: pypdfium2.PdfTextPage, position: int) -> tuple[float, float]:
    """Return where the character at a place in the text stands: x and its baseline, in points."""
    index = pdfium.FPDFText_GetCharIndexFromTextIndex(text_page, position)
    x, y = ctypes.c_double(), ctypes.c_double()
    pdfium.FPDFText_GetCharOrigin(text_page, max(index, 0), ctypes.byref(x), ctypes.byref(y))
    return x.value, y.value


def _paragraphs(lines: list[_Line]) -> Iterator[str]:
    """Join lines that run on; keep apart what a gap, a column or a bullet separates."""
    if not lines:
        return
    steps = [above.end_baseline - below.baseline for above, below in pairwise(lines)]
    usual = median([step for step in steps if step > 0] or [0.0])
    width = max(line.right for line in lines) - min(line.left for line in lines)
    paragraph = [lines[0]]
    for line, step in zip(lines[1:], steps, strict=True):
        if _begins_paragraph(paragraph, line, step, usual=usual, width=width):
            yield _joined(paragraph)
            paragraph = []
        paragraph.append(line)
    yield _joined(paragraph)


def _begins_paragraph(
    paragraph: list[_Line], line: _Line, step: float, *, usual: float, width: float
) -> bool:
    before = paragraph[-1]
    if step < 0 or (usual and step > usual * _GAP) or _BULLET.match(line.text):
        # A step upwards is the next column: the sentence may run on there.
        return step >= 0 or bool(_SENTENCE_END.search(before.text))
    column = max((each.right - each.left for each in paragraph), default=width)
    is_short = before.right - before.left < max(column, width * 0.4) * _FULL_LINE
    return is_short and bool(_SENTENCE_END.search(before.text) or line.text[:1].isupper())


def _joined(lines: list[_Line]) -> str:
    text = ""
    for line in lines:
        text = f"{text}{_between(text, line.text)}{line.text}"
    # A mark before a small letter stands inside a word, else for a hyphen that belongs there.
    text = _BROKEN_WORD.sub("", text)
    return _LINE_END_HYPHEN.sub("-", text).translate(_LIGATURES)


def _between(text: str, line: str) -> str:
    """Return what stands between the text so far and the next line."""
    before = text[-1:]
    if not text or before in _HYPHEN_MARKS:
        return ""
    if before == "-" and text[-2:-1].isalpha() and line[:1].islower():
        return ""
    # A line of figures above a line of figures is a row of a table.
    return "\n" if before.isdigit() and line[:1].isdigit() else " "
