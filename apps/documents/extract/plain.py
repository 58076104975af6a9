"""Plain text: paragraphs apart by blank lines, their lines as they are."""

from __future__ import annotations

import re

from apps.documents.blocks import Block, ExtractedText, assemble
from apps.documents.extract.numbered import with_sections
from apps.documents.extract.sniff import SniffedFile

_GAP = re.compile(r"\n[ \t\u00a0]*\n\s*")
_LINE_END = re.compile(r"\r\n?|\f")


def read(file: SniffedFile) -> ExtractedText:
    """Return the text; a plain text has no title."""
    text = _LINE_END.sub("\n", file.text)
    return assemble(with_sections(Block("paragraph", part) for part in _GAP.split(text)))
