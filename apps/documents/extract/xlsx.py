"""XLSX: every sheet under its name, each row a line that names its columns."""

# openpyxl has no types.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import datetime, time
from itertools import islice
from typing import Any, Protocol

from defusedxml import DefusedXmlException
from openpyxl.reader.excel import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from apps.documents.blocks import Block, ExtractedText, assemble, one_line
from apps.documents.extract.author import writer
from apps.documents.extract.errors import Corrupt
from apps.documents.extract.records import record_blocks
from apps.documents.extract.sniff import SniffedFile

_BROKEN = (
    DefusedXmlException,
    InvalidFileException,
    zipfile.BadZipFile,
    KeyError,
    ValueError,
    TypeError,
    SyntaxError,  # what ElementTree calls an XML error
)
# As many digits as Excel itself keeps.
_DIGITS = 15
_FIRST_ROWS = 50


class _Cell(Protocol):
    value: Any
    number_format: str


def read(file: SniffedFile) -> ExtractedText:
    """Return the sheets; of a formula the value that was last computed.

    Raises:
        Corrupt: the package is broken, or holds what openpyxl does not take for a workbook.
    """
    try:
        book = load_workbook(
            io.BytesIO(file.content), read_only=True, data_only=True, keep_links=False
        )
        blocks = [block for sheet in book.worksheets for block in _sheet(sheet)]
        title, author = book.properties.title, writer(book.properties.creator)
    except _BROKEN as error:
        raise Corrupt(detail=repr(error)) from error
    return assemble(blocks, title=title, author=author)


def _sheet(sheet: Any) -> Iterator[Block]:
    # What a file says of its size makes openpyxl fill up rows that are not there.
    sheet.reset_dimensions()
    blocks = list(record_blocks(_records(sheet)))
    if any(block.text for block in blocks):
        yield Block("heading", sheet.title, 1)
        yield from blocks


def _records(sheet: Any) -> Iterator[list[str]]:
    """Yield the rows with text, the first ones as wide as the widest, which shows captions."""
    rows = _rows(sheet)
    first = list(islice(rows, _FIRST_ROWS))
    width = max((len(cells) for cells in first), default=0)
    yield from (cells + [""] * (width - len(cells)) for cells in first)
    yield from rows


def _rows(sheet: Any) -> Iterator[list[str]]:
    for row in sheet.rows:
        cells = [_text(cell) for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            yield cells


def _text(cell: _Cell) -> str:
    """Return a value as a person would write it down."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime):
        return str(value.date() if value.time() == time() else value.replace(microsecond=0))
    if isinstance(value, int | float):
        return _number(value, cell.number_format or "")
    return one_line(str(value))


def _number(value: float, number_format: str) -> str:
    if number_format.rstrip().endswith("%"):
        return f"{value * 100:.{_DIGITS}g}%"
    return str(value) if isinstance(value, int) else f"{value:.{_DIGITS}g}"
