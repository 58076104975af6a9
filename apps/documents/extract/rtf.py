"""RTF: paragraphs, headings by outline level or style, and tables.

Words and groups are those of the Rich Text Format Specification 1.9.1.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from apps.documents.blocks import Block, ExtractedText, assemble, one_line, table_block
from apps.documents.extract.errors import NoText
from apps.documents.extract.numbered import with_sections
from apps.documents.extract.sniff import SniffedFile

_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])"
    rb"|([{}])|[\r\n]+|([^\\{}\r\n]+)"
)
# Groups that hold no text of the document.
_GROUPS = (
    "colortbl datafield datastore fldinst filetbl footer footerf footerl footerr generator header "
    "headerf headerl headerr info latentstyles listoverridetable listtable objdata pict pntext "
    "revtbl rsidtbl themedata xmlnstbl bkmkstart bkmkend blipuid panose falt ftncn ftnsep "
    "mmathPr pgptbl colorschememapping wgrffmtfilter stylesheet"
)
_IGNORED = frozenset(_GROUPS.split())
_PICTURES = frozenset({"pict", "object", "objdata"})
_CHARACTERS = {
    "tab": "\t",
    "line": "\n",
    "lquote": "‘",
    "rquote": "’",
    "ldblquote": "“",
    "rdblquote": "”",
    "bullet": "•",
    "endash": "–",
    "emdash": "—",
    "enspace": " ",
    "emspace": " ",
    "nestcell": " | ",
}
_SYMBOLS = {b"~": "\u00a0", b"_": "-", b"-": "", b"\\": "\\", b"{": "{", b"}": "}"}
# Of \fcharset, as Windows numbers them.
_CODE_PAGES = {
    77: "mac_roman",
    128: "cp932",
    129: "cp949",
    134: "gb18030",
    136: "cp950",
    161: "cp1253",
    162: "cp1254",
    163: "cp1258",
    177: "cp1255",
    178: "cp1256",
    186: "cp1257",
    204: "cp1251",
    222: "cp874",
    238: "cp1250",
}
_HEADING_STYLE = re.compile(r"heading ([1-9])\b", re.IGNORECASE)
_STYLE = re.compile(rb"\{(?:\\\*)?\\s(\d{1,5})((?:[^{};]|\{[^{}]*\})*);?\}")
_BODY_TEXT_LEVEL = 9
_MAX_DEPTH = 10_000


@dataclass(frozen=True, slots=True)
class _State:
    """What a group hands on to the groups in it."""

    is_ignored: bool = False
    is_hidden: bool = False
    font: int = -1
    # How many bytes stand after \u for programs that do not know it.
    skipped: int = 1


@dataclass(slots=True)
class _Paragraph:
    pieces: list[str] = field(default_factory=list)
    level: int = 0
    in_table: bool = False


def read(file: SniffedFile) -> ExtractedText:
    """Return the text; its title is the first heading.

    Raises:
        NoText: it holds pictures only.
    """
    reader = _Reader(file.content)
    blocks = with_sections(reader.blocks())
    headings = (block.text for block in blocks if block.kind == "heading")
    found = assemble(blocks, title=next(headings, None))
    if not found.text and reader.has_pictures:
        raise NoText
    return found


class _Reader:
    """Reads one file; remembers what the words so far have set."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._state = _State()
        self._outer: list[_State] = []
        self._paragraph = _Paragraph()
        self._cells: list[str] = []
        self._rows: list[list[str]] = []
        self._bytes = bytearray()
        self._to_skip = 0
        self._default = "cp1252"
        self._fonts: dict[int, str] = {}
        self._in_fonts = 0
        self._styles = dict(_heading_styles(content))
        self.has_pictures = False

    def blocks(self) -> Iterator[Block]:
        """Yield the paragraphs, headings and tables."""
        for found in _TOKEN.finditer(self._content):
            word, number, hexadecimal, symbol, brace, text = found.groups()
            if hexadecimal:
                self._add_bytes(bytes.fromhex(hexadecimal.decode()))
            elif text:
                self._add_bytes(text)
            elif brace:
                self._brace(brace)
            elif symbol:
                self._symbol(symbol)
            elif word:
                yield from self._word(word.decode(), int(number) if number else None)
        yield from self._end_paragraph()
        yield from self._end_table()

    def _brace(self, brace: bytes) -> None:
        self._flush()
        self._to_skip = 0
        if brace == b"{" and len(self._outer) < _MAX_DEPTH:
            self._outer.append(self._state)
        elif brace == b"}" and self._outer:
            self._state = self._outer.pop()
            if len(self._outer) < self._in_fonts:
                self._in_fonts = 0

    def _symbol(self, symbol: bytes) -> None:
        if symbol == b"*":  # what follows may be ignored by whoever does not know it
            self._state = replace(self._state, is_ignored=True)
        elif symbol in b"\r\n":
            self._add("\n")
        else:
            self._add(_SYMBOLS.get(symbol, ""))

    def _word(self, word: str, number: int | None) -> Iterator[Block]:
        if word == "u" and number is not None:
            self._add_unicode(number)
            return
        self._flush()
        if word in _CHARACTERS:
            self._add(_CHARACTERS[word])
        elif word in {"par", "sect", "page"}:
            yield from self._end_paragraph()
        elif word == "cell":
            self._cells.append(self._taken())
        elif word == "row":
            self._rows.append(self._cells)
            self._cells = []
        else:
            self._set(word, number)

    def _set(self, word: str, number: int | None) -> None:
        """Take over what a word says of the text after it."""
        paragraph = self._paragraph
        if word in _IGNORED or word in _PICTURES:
            self.has_pictures = self.has_pictures or word in _PICTURES
            self._state = replace(self._state, is_ignored=word != "object")
        elif word == "pard":
            paragraph.level, paragraph.in_table = 0, False
        elif word == "intbl":
            paragraph.in_table = True
        elif word == "outlinelevel" and number is not None:
            paragraph.level = number + 1 if number < _BODY_TEXT_LEVEL else 0
        elif word == "s" and number is not None:
            paragraph.level = self._styles.get(number, paragraph.level)
        elif word == "v":
            self._state = replace(self._state, is_hidden=number != 0)
        else:
            self._set_encoding(word, number or 0)

    def _set_encoding(self, word: str, number: int) -> None:
        if word == "fonttbl":
            self._in_fonts = len(self._outer)
            self._state = replace(self._state, is_ignored=True)
        elif word == "f":
            self._state = replace(self._state, font=number)
        elif word == "fcharset" and self._in_fonts and number in _CODE_PAGES:
            self._fonts[self._state.font] = _CODE_PAGES[number]
        elif word == "ansicpg":
            self._default = _codec(f"cp{number}") or self._default
        elif word == "mac":
            self._default = "mac_roman"
        elif word == "uc":
            self._state = replace(self._state, skipped=max(0, number))

    def _add_unicode(self, number: int) -> None:
        self._flush()
        self._add(chr(number % 0x10000))
        self._to_skip = self._state.skipped

    def _add_bytes(self, content: bytes) -> None:
        skipped = min(self._to_skip, len(content))
        self._to_skip -= skipped
        if not self._state.is_ignored and not self._state.is_hidden:
            self._bytes += content[skipped:]

    def _add(self, text: str) -> None:
        self._flush()
        if not self._state.is_ignored and not self._state.is_hidden:
            self._paragraph.pieces.append(text)

    def _flush(self) -> None:
        """Decode the bytes so far, which only together may be characters."""
        if self._bytes:
            encoding = self._fonts.get(self._state.font, self._default)
            self._paragraph.pieces.append(self._bytes.decode(encoding, errors="replace"))
            self._bytes.clear()

    def _taken(self) -> str:
        text = "".join(self._paragraph.pieces)
        self._paragraph.pieces = []
        # \u names characters beyond 16 bits by two surrogates.
        return text.encode("utf-16", errors="surrogatepass").decode("utf-16", errors="replace")

    def _end_paragraph(self) -> Iterator[Block]:
        self._flush()
        paragraph = self._paragraph
        if paragraph.in_table:  # a line inside a cell
            paragraph.pieces.append("\n")
            return
        text = self._taken()
        if not text.strip():
            return
        yield from self._end_table()
        if paragraph.level:
            yield Block("heading", one_line(text), min(paragraph.level, 6))
        else:
            yield Block("paragraph", text)

    def _end_table(self) -> Iterator[Block]:
        rest, self._cells = [cell for cell in self._cells if cell.strip()], []
        if self._rows:
            yield table_block(self._rows)
            self._rows = []
        for text in rest:
            yield Block("paragraph", text)


def _heading_styles(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield the numbers of the styles that are headings, with their levels."""
    start = content.find(b"{\\stylesheet")
    if start < 0:
        return
    for style in _STYLE.finditer(content, start, start + 200_000):
        found = _HEADING_STYLE.search(style.group(2).decode("latin-1"))
        if found:
            yield int(style.group(1)), int(found.group(1))


def _codec(name: str) -> str | None:
    try:
        return codecs.lookup(name).name
    except LookupError:
        return None
