"""Writes an evaluation for people, as a table, and for programs, as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from apps.search.evaluation.tally import FIGURES

_COLUMNS = (*FIGURES, "ms_median", "ms_p95")
_HEADINGS = (*FIGURES, "ms median", "ms p95")


def lines(told: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the table and what belongs under it.

    Args:
        told: what `Tally.as_json` returned, with what the caller added (see docs/quality.md).
    """
    counted = f"{told['questions']:,} questions"
    if "documents" in told:
        counted += f", {told['documents']:,} documents, {told['passages_indexed']:,} passages"
    yield f"{told['name']} ({told['split']}): {counted}"
    yield ""
    yield "stage".ljust(10) + "".join(heading.rjust(12) for heading in _HEADINGS)
    for stage, figures in told["stages"].items():
        yield stage.ljust(10) + "".join(_cell(column, figures[column]) for column in _COLUMNS)
    yield ""
    yield from _remarks(told)


def save(told: dict[str, Any], path: Path) -> None:
    """Write everything as one JSON object."""
    path.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _cell(column: str, figure: float) -> str:
    return (f"{figure:.1f}" if column.startswith("ms") else f"{figure:.4f}").rjust(12)


def _remarks(told: dict[str, Any]) -> Iterator[str]:
    if found := told.get("passages"):
        yield (
            f"judged passages among the first ten shown: {found['recall@10']:.4f}"
            f" ({found['questions']:,} questions)"
        )
    if asked := told.get("unanswerable"):
        yield (
            f"questions without an answer: {asked['questions']:,},"
            f" of these told that nothing was found: {asked['nothing_found']:,}"
        )
    if left_out := told.get("left_out"):
        yield f"left out: {', '.join(f'{what} {count:,}' for what, count in left_out.items())}"
    for stage, gained in told.get("gains", {}).items():
        figures = ", ".join(f"{name} {figure:+.4f}" for name, figure in gained.items())
        yield f"what {stage} brings: {figures}"
    if answers := told.get("answers"):
        yield from _answers(answers)


def _answers(told: dict[str, Any]) -> Iterator[str]:
    yield (
        f"answers ({told['by']}): {told['questions']:,} questions, {told['citing']:,} cite"
        + (f", {told['failed']:,} failed" if told["failed"] else "")
    )
    for unit in ("documents", "passages"):
        if judged := told.get(unit):
            yield (
                f"  citations by {unit}: precision {judged['precision']:.4f},"
                f" recall {judged['recall']:.4f} ({judged['questions']:,} questions)"
            )
