"""Jupyter notebooks: text cells as Markdown, code cells as code, their output as text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from apps.documents.blocks import Block, ExtractedText, assemble
from apps.documents.extract.errors import Corrupt
from apps.documents.extract.html import fragment_blocks
from apps.documents.extract.markdown import blocks_of
from apps.documents.extract.sniff import SniffedFile

# Colours of a terminal.
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# The log of a long run would crowd out what somebody wrote.
_MAX_OUTPUT_CHARACTERS = 10_000


def read(file: SniffedFile) -> ExtractedText:
    """Return the cells; of an output too long for a page only its begin.

    Raises:
        Corrupt: it is no notebook.
    """
    try:
        notebook = json.loads(file.text.lstrip("\ufeff"))
        cells = _cells(notebook)
        metadata = notebook.get("metadata")
        title = metadata.get("title") if isinstance(metadata, dict) else None
    except (ValueError, RecursionError, AttributeError) as error:
        raise Corrupt("The file is no notebook.", detail=repr(error)[:500]) from error
    blocks = [block for cell in cells for block in _cell(cell)]
    headings = (block.text for block in blocks if block.kind == "heading")
    return assemble(blocks, title=title if isinstance(title, str) else next(headings, None))


def _cells(notebook: Any) -> list[dict[str, Any]]:
    """Return the cells, which the third version of the format kept in sheets."""
    found = notebook.get("cells")
    if found is None:
        sheets = [sheet for sheet in notebook.get("worksheets") or () if isinstance(sheet, dict)]
        found = [cell for sheet in sheets for cell in sheet.get("cells") or ()]
    if not isinstance(found, list):
        raise Corrupt("The file is no notebook.")
    return [cell for cell in found if isinstance(cell, dict)]


def _cell(cell: dict[str, Any]) -> Iterator[Block]:
    kind = cell.get("cell_type")
    source = _joined(cell.get("source", cell.get("input")))
    if kind == "markdown":
        yield from blocks_of(source)
    elif kind == "heading":
        yield Block("heading", source, 1)
    elif kind == "code":
        yield Block("code", source)
        for output in cell.get("outputs") or ():
            if isinstance(output, dict):
                yield from _output(output)
    else:
        yield Block("paragraph", source)


def _output(output: dict[str, Any]) -> Iterator[Block]:
    found = output.get("data")
    data: dict[str, Any] = found if isinstance(found, dict) else {}
    markup = _joined(data.get("text/html"))
    text = _joined(output.get("text") or data.get("text/plain") or output.get("traceback"))
    if "<table" in markup:
        yield from fragment_blocks(markup[: _MAX_OUTPUT_CHARACTERS * 4])
    else:
        yield Block("code", _ESCAPES.sub("", text)[:_MAX_OUTPUT_CHARACTERS])


def _joined(value: Any) -> str:
    """Return text that may be stored as a list of lines."""
    if isinstance(value, list):
        return "".join(each for each in value if isinstance(each, str))
    return value if isinstance(value, str) else ""
