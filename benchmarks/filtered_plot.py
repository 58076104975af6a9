"""Draws what filtered_search measured: latency by reach, an open mark where answers were lost.

.venv/bin/python -m benchmarks.filtered_plot FILE.jsonl docs/images/filtered-search.png
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from benchmarks.filtered_engines import load

_ENOUGH = 0.98
# Colours that stay apart for the colour-blind (Okabe and Ito); the one to look for is the darkest.
_COLOURS = {
    "Kenward": "#000000",
    "NumPy exact": "#999999",
    "qdrant-edge": "#D55E00",
    "LanceDB": "#0072B2",
    "Chroma": "#CC79A7",
    "milvus-lite": "#56B4E9",
    "FAISS HNSW": "#009E73",
    "hnswlib": "#E69F00",
}
_MARKS = "os^"


def main() -> int:
    """Draw the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("measured", type=Path)
    parser.add_argument("picture", type=Path)
    told = parser.parse_args()
    rows = [json.loads(line) for line in told.measured.read_text().splitlines()]
    draw(rows, told.picture)
    return 0


def draw(rows: list[dict[str, Any]], picture: Path) -> None:
    """Write the picture.

    Args:
        rows: as `filtered_search.Row` has them.
        picture: a file name that matplotlib knows the kind of.
    """
    matplotlib = load("matplotlib", "matplotlib")
    matplotlib.use("Agg")
    plots = load("matplotlib", "matplotlib.pyplot")
    figure, axes = plots.subplots(figsize=(9, 5.2))
    lines: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        lines[row["engine"], row["setting"]].append(row)
    settings: dict[str, int] = defaultdict(int)
    for (engine, setting), own in lines.items():
        mark = _MARKS[settings[engine] % len(_MARKS)]
        settings[engine] += 1
        _line(axes, f"{engine}, {setting}" if setting else engine, own, _COLOURS[engine], mark)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("passages that the reader may see")
    axes.set_ylabel("median of a search, milliseconds")
    axes.set_title(
        f"Ten nearest of {rows[0]['rows']:,} passages; open marks: recall below {_ENOUGH}"
    )
    axes.grid(visible=True, which="major", color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=9)
    figure.savefig(picture, dpi=110, bbox_inches="tight", facecolor="white")


def _line(axes: Any, label: str, own: list[dict[str, Any]], colour: str, mark: str) -> None:
    reach = [row["permitted"] for row in own]
    taken = [row["p50_ms"] for row in own]
    width = 2.4 if label == "Kenward" else 1.1
    axes.plot(reach, taken, color=colour, linewidth=width, marker=mark, markersize=6, label=label)
    lost = [(row["permitted"], row["p50_ms"]) for row in own if row["recall"] < _ENOUGH]
    if lost:
        x, y = zip(*lost, strict=True)
        axes.plot(x, y, mark, color=colour, markerfacecolor="white", markersize=7, zorder=3)


if __name__ == "__main__":
    sys.exit(main())
