"""Which module reads which format, and the way of any file, or member of one, to its reader."""

from __future__ import annotations

import importlib
from dataclasses import replace

from apps.documents.blocks import ExtractedText
from apps.documents.extract.allowance import Allowance
from apps.documents.extract.errors import Empty
from apps.documents.extract.sniff import sniff

READERS = {
    name: f"apps.documents.extract.{name}"
    for name in (
        "archive",
        "code",
        "csv",
        "doc",
        "docx",
        "eml",
        "html",
        "json",
        "markdown",
        "msg",
        "notebook",
        "odf",
        "pdf",
        "plain",
        "pptx",
        "rtf",
        "xlsx",
    )
}


def read(
    content: bytes,
    file_name: str,
    mime_type: str | None,
    allowance: Allowance,
    *,
    depth: int = 0,
) -> ExtractedText:
    """Return what the bytes hold, by the reader of their format.

    Args:
        content: the file.
        file_name: its name; only the extension counts.
        mime_type: what the source says that it is.
        allowance: what it may take; shared with everything that is packed together.
        depth: how many files it is packed in.

    Raises:
        ExtractionError: it cannot be read.
    """
    sniffed = sniff(content, file_name, mime_type)
    file = replace(sniffed, name=file_name, allowance=allowance, depth=depth)
    module = allowance.readers.get(file.format) or READERS[file.format]
    # Imported on first use: most processes never see all formats.
    found: ExtractedText = importlib.import_module(module).read(file)
    if not found.text:
        raise Empty
    return found
