"""Prints figures as a table, writes them as JSON lines, and judges them by their bounds."""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Figure:
    """One measured value with what it must stay below, and the peer it was measured against."""

    name: str
    value: float
    unit: str
    bound: float | None = None
    peer: str = ""
    ratio: float | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the bound holds."""
        return self.bound is None or self.value <= self.bound


def arguments(description: str) -> argparse.Namespace:
    """Parse what every benchmark takes: --quick and --out FILE."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="a few rounds only")
    parser.add_argument("--out", type=Path, help="write JSON lines to this file")
    return parser.parse_args()


def median_and_maximum(
    name: str, seconds: Sequence[float], *, bound: float, settings: dict[str, Any]
) -> list[Figure]:
    """Return the two figures that stand for a latency; the bound is for the slowest."""
    settings = {**settings, "rounds": len(seconds)}
    return [
        Figure(f"{name}, median", round(statistics.median(seconds), 3), "s", settings=settings),
        Figure(f"{name}, maximum", round(max(seconds), 3), "s", bound, settings=settings),
    ]


def show(figures: Sequence[Figure], out: Path | None) -> int:
    """Print the table, write the lines, and return the exit code: 1 when a bound is missed."""
    width = max(len(figure.name) for figure in figures)
    for figure in figures:
        bound = f"  bound {figure.bound:g}" if figure.bound is not None else ""
        verdict = "" if figure.ok else "  MISSED"
        peer = f"  ratio {figure.ratio:g} ({figure.peer})" if figure.ratio is not None else ""
        print(f"{figure.name:<{width}}  {figure.value:>10g} {figure.unit}{bound}{peer}{verdict}")
    if out is not None:
        lines = [json.dumps({**asdict(figure), "ok": figure.ok}) for figure in figures]
        out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0 if all(figure.ok for figure in figures) else 1
