"""Records of a table as lines that name their columns, so that each can be understood alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from apps.documents.blocks import Block

_NUMBER = re.compile(r"[\s\d.,:/%+\-€$£()]+")


def record_blocks(records: Iterator[list[str]]) -> Iterator[Block]:
    """Yield a table's captions as paragraphs, then its records as one block of lines.

    Args:
        records: the cells of each, on one line each; the first that is no caption may be a header.
    """
    lines: list[str] = []
    header: Sequence[str] | None = None
    for record in records:
        if header is None:
            if _is_caption(record):
                yield Block("paragraph", "".join(record))
                continue
            header = record if _is_header(record) else ()
            if header:
                continue
        lines.append(_line(record, header))
    if header and not lines:
        lines.append(" | ".join(header))
    yield Block("rows", "\n".join(lines))


def _is_caption(record: Sequence[str]) -> bool:
    return len(record) > 1 and sum(1 for cell in record if cell) == 1


def _is_header(record: Sequence[str]) -> bool:
    named = [cell for cell in record if cell]
    return len(set(named)) == len(named) and not any(_NUMBER.fullmatch(cell) for cell in named)


def _line(record: Sequence[str], header: Sequence[str]) -> str:
    if not header:
        return " | ".join(record).strip()
    parts = []
    for column, cell in enumerate(record):
        name = header[column] if column < len(header) else ""
        if cell:
            parts.append(f"{name}: {cell}" if name else cell)
    return "; ".join(parts)
