"""Where the exact scan and the index take equally long, and what the index misses on the way.

The constants in `apps/search/vectors/vector_plan.py` come from this. Run it on an idle machine:
.venv/bin/python -m benchmarks.vector_recall [--rows 300000] [--vectors FILE] [--data-dir FOLDER]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import filtered_data, scratch
from benchmarks.filtered_data import Corpus, Numbers
from benchmarks.real_vectors import load

if TYPE_CHECKING:
    from benchmarks.filtered_kenward import Kenward

SHARES = (0.01, 0.02, 0.04, 0.06, 0.08, 0.12, 0.2, 0.5, 1.0)
_WANTED, _TIE = 10, 1e-4


def main() -> int:
    """Measure both plans for readers of ever more."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--vectors", type=Path, help="what benchmarks.real_vectors wrote")
    parser.add_argument("--data-dir", type=Path, help="keep the database here, to use again")
    told = parser.parse_args()
    real = load(told.vectors) if told.vectors else None
    corpus = filtered_data.corpus(told.rows, real, questions=told.questions)
    with tempfile.TemporaryDirectory(prefix="kenward-recall-") as folder:
        data_dir = told.data_dir or Path(folder)
        data_dir.mkdir(exist_ok=True)
        with scratch.database_in(data_dir):
            from benchmarks.filtered_kenward import Kenward

            kenward = Kenward()
            kenward.build(corpus)
            _sweep(kenward, corpus)
    return 0


def _sweep(kenward: Kenward, corpus: Corpus) -> None:
    order = np.random.default_rng(11).permutation(corpus.policy_count)
    sizes = np.cumsum(np.bincount(corpus.policies)[order])
    for share in SHARES:
        taken = int(np.searchsorted(sizes, share * len(corpus.policies))) + 1
        policies = np.sort(order[:taken])
        scan, index, recall, permitted = _compare(kenward, corpus, policies)
        line = f"{permitted:>9,}  scan {scan:7.2f} ms  index {index:7.2f} ms  recall {recall:.4f}"
        crossing = permitted**2 / len(corpus.policies)
        sys.stdout.write(f"{line}  n * n / P {crossing:,.0f}\n")
        sys.stdout.flush()


def _compare(
    kenward: Kenward, corpus: Corpus, policies: Numbers
) -> tuple[float, float, float, int]:
    """Return the medians of both plans in milliseconds, the index's recall, and how many rows."""
    from apps.search.vectors import vector_plan

    rows = np.flatnonzero(np.isin(corpus.policies, policies))
    vectors = corpus.vectors[rows]
    taken: dict[int, list[float]] = {0: [], sys.maxsize: []}
    hits = 0
    vector_plan.FEW = 0  # the measurement decides, not the rule
    with kenward.asking("100 %", policies):
        for question in corpus.questions:
            for crossover, seconds in taken.items():
                vector_plan.CROSSOVER = crossover
                started = time.perf_counter()
                found = kenward.nearest("100 %", question, _WANTED)
                seconds.append(time.perf_counter() - started)
                if crossover == 0:
                    _, last = filtered_data.nearest_exactly(vectors, question, _WANTED)
                    hits += int((corpus.vectors[found] @ question >= last - _TIE).sum())
    index, scan = (float(np.median(seconds)) * 1000 for seconds in taken.values())
    return scan, index, hits / _WANTED / len(corpus.questions), len(rows)


if __name__ == "__main__":
    sys.exit(main())
