"""CSV: each record a line that names its columns, so that it can be understood alone."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from apps.documents.blocks import ExtractedText, assemble, one_line
from apps.documents.extract.errors import Corrupt
from apps.documents.extract.records import record_blocks
from apps.documents.extract.sniff import SniffedFile

_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_RECORDS = 100
_SAMPLE_CHARACTERS = 100_000
_MAX_CELL_CHARACTERS = 10_000_000


def read(file: SniffedFile) -> ExtractedText:
    """Return the records; single cells above the header come first, as paragraphs."""
    csv.field_size_limit(_MAX_CELL_CHARACTERS)
    text = file.text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    delimiter = "\t" if file.extension in {"tsv", "tab"} else _delimiter(text)
    try:
        return assemble(record_blocks(_records(text, delimiter)))
    except csv.Error as error:
        raise Corrupt(detail=repr(error)) from error


def _records(text: str, delimiter: str) -> Iterator[list[str]]:
    for record in csv.reader(text.splitlines(keepends=True), delimiter=delimiter):
        cells = [one_line(cell) for cell in record]
        if any(cells):
            yield cells


def _delimiter(text: str) -> str:
    """Return the delimiter that cuts most records of a sample into the same number of cells."""

    def evenness(delimiter: str) -> tuple[float, int]:
        try:
            records = list(islice(_records(text[:_SAMPLE_CHARACTERS], delimiter), _SAMPLE_RECORDS))
        except csv.Error:
            return 0.0, 0
        widths = Counter(len(record) for record in records)
        width, count = widths.most_common(1)[0] if widths else (1, 0)
        return (count / len(records), width) if width > 1 else (0.0, width)

    return max(_DELIMITERS, key=evenness)
