"""Tells what filtered_search measured, as Markdown, and holds Kenward to its bounds."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.filtered_search import Row

_RECALL = 0.98
_SMALL, _SMALL_MS = 1_000, 1.0
_TAIL = 4.0
_NEAR_QDRANT = 1.5
_MUST_BE_AHEAD_OF = ("LanceDB", "Chroma", "milvus-lite", "FAISS HNSW")


def show(rows: Sequence[Row]) -> int:
    """Print the table and every bound that is missed; return 1 when there is one."""
    sys.stdout.writelines(f"{line}\n" for line in _table(rows))
    missed = list(_missed(rows))
    sys.stdout.writelines(f"MISSED: {line}\n" for line in missed)
    return 1 if missed else 0


def _table(rows: Sequence[Row]) -> Iterator[str]:
    reaches = list(dict.fromkeys((row.reach, row.permitted) for row in rows))
    yield "| engine | build s | " + " | ".join(f"{r}: {n:,}" for r, n in reaches) + " |"
    yield "| --- |" + " ---: |" * (len(reaches) + 1)
    for engine, setting in dict.fromkeys((row.engine, row.setting) for row in rows):
        own = [row for row in rows if (row.engine, row.setting) == (engine, setting)]
        cells = [f"{row.recall:.3f} {row.p50_ms:.3g} / {row.p95_ms:.3g}" for row in own]
        name = f"{engine}, {setting}" if setting else engine
        yield f"| {name} | {own[0].build_s:.0f} | " + " | ".join(cells) + " |"


def _missed(rows: Sequence[Row]) -> Iterator[str]:
    for own in rows:
        if own.engine == "Kenward":
            yield from _missed_alone(own)
            others = [row for row in rows if row.reach == own.reach and row.recall >= _RECALL]
            yield from _missed_beside(own, others)


def _missed_alone(own: Row) -> Iterator[str]:
    if own.recall < _RECALL:
        yield f"{own.reach}: recall {own.recall} below {_RECALL}"
    if own.permitted <= _SMALL and own.p50_ms > _SMALL_MS:
        yield f"{own.reach}: {own.p50_ms} ms for {own.permitted} rows, above {_SMALL_MS} ms"
    if own.p95_ms > _TAIL * own.p50_ms:
        yield f"{own.reach}: p95 {own.p95_ms} ms above {_TAIL} times p50 {own.p50_ms} ms"


def _missed_beside(own: Row, others: Sequence[Row]) -> Iterator[str]:
    for row in others:
        if row.engine in _MUST_BE_AHEAD_OF and row.p50_ms < own.p50_ms:
            yield (
                f"{own.reach}: {own.p50_ms} ms, behind {row.engine} {row.setting} {row.p50_ms} ms"
            )
    qdrant = [row.p50_ms for row in others if row.engine == "qdrant-edge"]
    if qdrant and own.reach in {"10 %", "50 %", "100 %"}:
        ratio = own.p50_ms / min(qdrant)
        if ratio > _NEAR_QDRANT:
            yield f"{own.reach}: {ratio:.2f} times qdrant's fastest, above {_NEAR_QDRANT}"
