"""The way from a file to its text: size first, then the reading process of this worker."""

from __future__ import annotations

import atexit
import os
from pathlib import Path
from typing import BinaryIO

from apps.documents.blocks import ExtractedText
from apps.documents.extract.errors import Empty, TooLarge
from apps.documents.extract.process import ReaderProcess

MAX_BYTES = 50 * 1024 * 1024
_MIB = 1024 * 1024

# One for each worker process; the child itself starts with the first file.
_reader = ReaderProcess()
atexit.register(_reader.close)
os.register_at_fork(after_in_child=_reader.forget)


def extract(
    source: Path | BinaryIO,
    *,
    file_name: str,
    mime_type: str | None = None,
    timeout_s: float = 60.0,
    memory_mb: int = 1024,
    max_bytes: int = MAX_BYTES,
) -> ExtractedText:
    """Return a file's text and structure, read in a child process that cannot harm this one.

    Args:
        source: the file, or a stream that stands at its begin.
        file_name: its name; the extension counts where the content leaves the format open.
        mime_type: what the source says that it is; counts least.
        timeout_s: seconds that reading may take.
        memory_mb: address space that reading may take, in MiB.
        max_bytes: larger files are refused unread.

    Returns:
        text with at least one character that is no white space.

    Raises:
        ExtractionError: one of its kinds; another attempt with the same bytes would fail as well.
        OSError: the file itself could not be opened or read.
    """
    content = _content(source, max_bytes)
    if not content:
        raise Empty
    return _reader.read(
        content,
        file_name=file_name,
        mime_type=mime_type,
        timeout_s=timeout_s,
        memory_mb=memory_mb,
    )


def _content(source: Path | BinaryIO, max_bytes: int) -> bytes:
    if isinstance(source, Path):
        with source.open("rb") as stream:
            return _content(stream, max_bytes)
    # One byte more than allowed: a stream may not know its size, and a file may grow.
    content = source.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise TooLarge(f"The file is larger than {max_bytes / _MIB:g} MiB.")
    return content
