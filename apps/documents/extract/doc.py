"""DOC: the text of a Word file from before DOCX, in the order of its pieces.

Offsets and marks are those of [MS-DOC]. Styles are left alone: paragraphs and table cells are told
by their marks, headings are paragraphs.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from apps.documents.blocks import Block, ExtractedText, assemble, table_block
from apps.documents.extract.errors import Corrupt, Encrypted, NoText
from apps.documents.extract.numbered import with_sections
from apps.documents.extract.ole import OleFile
from apps.documents.extract.sniff import SniffedFile

_MAGIC = 0xA5EC
_FLAGS_AT, _LENGTHS_AT, _CLX_AT = 0x0A, 0x4C, 0x01A2
_ENCRYPTED_FLAG, _SECOND_TABLE_FLAG = 0x0100, 0x0200
_OLDEST_VERSION = 0x00C1  # of Word 97, the first with this layout
# Text, foot notes, headers, macros, comments, end notes, text boxes, those in headers.
_LENGTHS = struct.Struct("<8i")
_HEADERS_PART = 2
_FORMATTING, _PIECES = 1, 2
_IS_ONE_BYTE = 0x40000000
_MAX_CHARACTERS = 30_000_000
_PARAGRAPH, _CELL = "\r", "\x07"
_FIELD_CODE = re.compile("\x13[^\x13\x14\x15]*(?:\x14([^\x13\x14\x15]*))?\x15")
_ENDS = re.compile("[\r\x07\x0c]")
_PICTURES = re.compile("[\x01\x08]")
# Line breaks and hyphens; marks of fields, notes and pictures are no text.
_NO_TEXT = (0x01, 0x02, 0x05, 0x08, 0x13, 0x14, 0x15, 0x1F)
_CHARACTERS = {0x0B: "\n", 0x1E: "-"} | dict.fromkeys(_NO_TEXT, "")
_NESTED_FIELDS = 5


@dataclass(frozen=True, slots=True)
class _Piece:
    """Characters [start, end) of the document, which stand at a place in the file."""

    start: int
    end: int
    place: int
    is_one_byte: bool


def read(file: SniffedFile) -> ExtractedText:
    """Return paragraphs and tables, then foot notes, comments and text boxes.

    Raises:
        Corrupt: it is broken, or older than Word 97.
        Encrypted: a password is needed.
        NoText: it holds pictures only.
    """
    ole = OleFile(file.content)
    content = ole.stream("WordDocument") or b""
    try:
        text, lengths = _text(ole, content)
    except (struct.error, IndexError) as error:
        raise Corrupt(detail=repr(error)) from error
    blocks = (block for part in _parts(text, lengths) for block in _blocks(part))
    found = assemble(with_sections(blocks))
    if not found.text and _PICTURES.search(text):
        raise NoText
    return found


def _text(ole: OleFile, content: bytes) -> tuple[str, tuple[int, ...]]:
    """Return the text of all parts behind each other, and their lengths."""
    magic, version = struct.unpack_from("<HH", content)
    (flags,) = struct.unpack_from("<H", content, _FLAGS_AT)
    if magic != _MAGIC or version < _OLDEST_VERSION:
        raise Corrupt("The file is no Word document, or older than Word 97.")
    if flags & _ENCRYPTED_FLAG:
        raise Encrypted
    table = ole.stream("1Table" if flags & _SECOND_TABLE_FLAG else "0Table") or b""
    start, size = struct.unpack_from("<II", content, _CLX_AT)
    pieces = _pieces(table[start : start + size])
    text = "".join(_characters(content, piece) for piece in pieces)
    return text, _LENGTHS.unpack_from(content, _LENGTHS_AT)


def _pieces(clx: bytes) -> Iterator[_Piece]:
    place = 0
    while clx[place] == _FORMATTING:
        (size,) = struct.unpack_from("<H", clx, place + 1)
        place += 3 + size
    if clx[place] != _PIECES:
        raise Corrupt
    (size,) = struct.unpack_from("<I", clx, place + 1)
    listed = clx[place + 5 : place + 5 + size]
    count = (len(listed) - 4) // 12
    limits = struct.unpack_from(f"<{count + 1}I", listed)
    for number in range(count):
        _, stored, _ = struct.unpack_from("<HIH", listed, 4 * (count + 1) + 8 * number)
        is_one_byte = bool(stored & _IS_ONE_BYTE)
        offset = stored & (_IS_ONE_BYTE - 1)
        start, end = limits[number], limits[number + 1]
        if not start <= end <= _MAX_CHARACTERS:
            raise Corrupt
        yield _Piece(start, end, offset // 2 if is_one_byte else offset, is_one_byte)


def _characters(content: bytes, piece: _Piece) -> str:
    count = piece.end - piece.start
    if piece.is_one_byte:
        return content[piece.place : piece.place + count].decode("cp1252", errors="replace")
    found = content[piece.place : piece.place + 2 * count]
    return found.decode("utf-16-le", errors="replace")


def _parts(text: str, lengths: tuple[int, ...]) -> Iterator[str]:
    """Yield the text of each part; headers last, where they disturb nobody."""
    parts = []
    start = 0
    for length in lengths:
        end = start + max(0, length)
        parts.append(text[start:end])
        start = end
    headers = parts.pop(_HEADERS_PART)
    yield from parts
    yield headers


def _blocks(text: str) -> Iterator[Block]:
    """Yield paragraphs and tables.

    A cell ends with a mark of its own and a row with another one, so an empty cell looks like the
    end of its row: what tells them apart lies among the formatting, and no text is lost by it.
    """
    for _ in range(_NESTED_FIELDS):
        text = _FIELD_CODE.sub(lambda found: found.group(1) or "", text)
    rows: list[list[str]] = []
    cells: list[str] = []
    lines: list[str] = []  # of the cell that has not ended
    for piece, mark in _marked(text):
        if mark == _CELL and not piece and not lines:
            rows.append(cells)
            cells = []
        elif mark == _CELL:
            cells.append(" ".join([*lines, piece]))
            lines = []
        elif cells:
            lines.append(piece)
        else:
            yield from _table(rows)
            rows = []
            yield Block("paragraph", piece)
    yield from _table([*rows, cells])
    yield from (Block("paragraph", piece) for piece in lines)


def _marked(text: str) -> Iterator[tuple[str, str]]:
    """Yield each piece of text with the mark that ends it."""
    start = 0
    for end in _ENDS.finditer(text):
        yield text[start : end.start()].translate(_CHARACTERS), end.group()
        start = end.end()
    yield text[start:].translate(_CHARACTERS), _PARAGRAPH


def _table(rows: list[list[str]]) -> Iterator[Block]:
    if any(rows):
        yield table_block(rows)
