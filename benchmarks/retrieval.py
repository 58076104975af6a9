"""The whole retrieval: hybrid, with the second stage and the question's embedding, at any size.

For readers of a dozen documents, 1, 10, 50 and 100 % of one tenant; one client, then eight. Run it
on an idle machine:
.venv/bin/python -m benchmarks.retrieval COLLECTIONS VECTORS [--rows 1000000] [--quick] [--out FILE]
VECTORS is what `benchmarks.real_vectors` wrote of these collections.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import filtered_data, real_vectors, report, scratch
from benchmarks.report import Figure

if TYPE_CHECKING:
    from benchmarks.retrieval_tenant import WordedKenward

# Milliseconds, the median by reach; the slowest of twenty takes three times as long at most.
_BOUNDS = {"12 documents": 25, "1 %": 25, "10 %": 25, "50 %": 45, "100 %": 45}
_TAIL = 3
_QUESTIONS = 100
# Asked before, so that what is read often lies in the database's memory, as in one that runs.
_WARM_UP = 40
_PROCESSES, _THREADS, _SECONDS = 2, 4, 10
_LEAST_PER_SECOND = 60


def main() -> int:
    """Build the tenant, ask, and judge."""
    told = _arguments()
    rows = min(told.rows, 30_000) if told.quick else told.rows
    real = real_vectors.load(told.vectors)
    texts = [text for _, text in real_vectors.passages(told.collections)]
    questions = real_vectors.questions(told.collections)
    if len(texts) != len(real.passages):
        raise SystemExit("The vectors are not of these collections: make them again.")
    corpus = filtered_data.corpus(rows, real, questions=1)
    with ExitStack() as stack:
        if told.data_dir:
            told.data_dir.mkdir(exist_ok=True)
            stack.enter_context(scratch.database_in(told.data_dir))
        else:
            stack.enter_context(scratch.database())
        from benchmarks.retrieval_tenant import WordedKenward

        kenward = WordedKenward(texts)
        kenward.build(corpus)
        scratch.warm()
        figures = list(_one_client(kenward, questions, 10 if told.quick else _QUESTIONS))
        figures += _eight_clients(told.collections)
    for figure in figures:
        figure.settings = {"rows": rows, "policies": corpus.policy_count}
    return report.show(figures, told.out)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collections", type=Path)
    parser.add_argument("vectors", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000, help="passages")
    parser.add_argument("--quick", action="store_true", help="30,000 passages, a few questions")
    parser.add_argument("--out", type=Path, help="write JSON lines to this file")
    parser.add_argument("--data-dir", type=Path, help="keep the database here, to use again")
    return parser.parse_args()


def _one_client(kenward: WordedKenward, questions: Sequence[str], count: int) -> Iterator[Figure]:
    for place, (reach, bound) in enumerate(_BOUNDS.items()):
        # Each question once: none has its vector remembered.
        each = _WARM_UP + count
        asked = questions[place * each : (place + 1) * each]
        heard = [kenward.ask(reach, question) for question in asked][_WARM_UP:]
        wall = np.array([one.ms for one in heard])
        median, slow = (round(float(np.percentile(wall, share)), 1) for share in (50, 95))
        yield Figure(f"{reach}: retrieval, median", median, "ms", bound)
        yield Figure(f"{reach}: retrieval, p95", slow, "ms", _TAIL * bound)
        stages: dict[str, list[float]] = defaultdict(list)
        for one in heard:
            for stage, spent in one.stages.items():
                stages[stage].append(spent)
        parts = {stage: round(float(np.median(spent)), 1) for stage, spent in stages.items()}
        yield Figure(f"{reach}: passages found", len(heard[-1].found), "", peer=json.dumps(parts))


def _eight_clients(collections: Path) -> Iterator[Figure]:
    command = [
        *(sys.executable, "-m", "benchmarks.retrieval_clients", str(collections)),
        *(str(_THREADS), str(_SECONDS)),
    ]
    started = [
        subprocess.Popen([*command, str(number)], stdout=subprocess.PIPE)  # noqa: S603  our own
        for number in range(_PROCESSES)
    ]
    told: list[dict[str, Any]] = [json.loads(each.communicate()[0]) for each in started]
    answered = sum(each["answered"] for each in told)
    spent = [ms for each in told for ms in each["ms"]]
    rate = round(answered / _SECONDS, 1)
    yield Figure(
        "eight clients, mixed reach: from one answer to the next",
        round(1000 / max(rate, 0.01), 1),
        "ms",
        round(1000 / _LEAST_PER_SECOND, 1),
        peer=f"{rate} questions a second, as a share of {_LEAST_PER_SECOND}",
        ratio=round(rate / _LEAST_PER_SECOND, 2),
    )
    yield Figure("eight clients: retrieval, median", round(float(np.median(spent)), 1), "ms")
    yield Figure("eight clients: retrieval, p95", round(float(np.percentile(spent, 95)), 1), "ms")


if __name__ == "__main__":
    sys.exit(main())
