"""Filtered vector search beside its peers: recall, latency and build time for each reach.

The same vectors, filters and questions for all, engines interleaved question by question in one
process. Run it on an idle machine:
.venv/bin/python -m benchmarks.filtered_search [--rows 300000] [--quick] [--out FILE]
    [--vectors FILE] [--engines NAME,...] [--data-dir FOLDER]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import filtered_data, filtered_engines, filtered_verdicts, scratch
from benchmarks.filtered_data import Corpus, Vectors
from benchmarks.filtered_engines import Engine, Search
from benchmarks.real_vectors import load

if TYPE_CHECKING:
    from benchmarks.filtered_kenward import Kenward

WANTED = 10
# What lies so little below the tenth nearest is as near, in half precision.
_TIE = 1e-4
_SLOW_S, _FEWER = 0.1, 20


@dataclass(frozen=True)
class Row:
    """What was measured of one engine, one setting and one reach; times in milliseconds."""

    engine: str
    setting: str
    reach: str
    permitted: int
    recall: float
    p50_ms: float
    p95_ms: float
    per_second: float
    questions: int
    build_s: float
    rows: int


@dataclass
class _Contestant:
    engine: str
    setting: str
    search: Search
    build_s: float
    every: int = 1


def main() -> int:
    """Build what is there, measure, and judge Kenward."""
    told = _arguments()
    if told.quick:
        told.rows, told.questions = min(told.rows, 30_000), min(told.questions, 20)
    real = load(told.vectors) if told.vectors else None
    corpus = filtered_data.corpus(told.rows, real, questions=told.questions)
    _say(f"{told.rows:,} {corpus.kind}, {corpus.policy_count:,} policies")
    near = filtered_data.neighbours(
        corpus.vectors[:: max(told.rows // 30_000, 1)], corpus.questions
    )
    _say("cosines: " + ", ".join(f"{name} {value:.3f}" for name, value in near.items()))
    names = [name.strip() for name in told.engines.split(",") if name.strip()]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kenward-peers-")))
        data_dir = told.data_dir or folder / "kenward"
        data_dir.mkdir(exist_ok=True)
        # First: what some peers bring along does not like a process that forks.
        stack.enter_context(scratch.database_in(data_dir))
        from benchmarks.filtered_kenward import Kenward

        kenward = Kenward()
        kenward.build(corpus)
        _say(f"Kenward: load {kenward.load_s:.0f} s, index {kenward.index_s:.0f} s")
        contestants = [_Contestant("Kenward", "", kenward.nearest, kenward.index_s)]
        for engine in filtered_engines.peers():
            if not names or engine.name in names:
                contestants += stack.enter_context(_built(engine, corpus, folder))
        rows = _measure(kenward, contestants, corpus)
    if told.out:
        told.out.write_text("".join(f"{json.dumps(asdict(row))}\n" for row in rows))
    return filtered_verdicts.show(rows)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=300_000, help="passages")
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--quick", action="store_true", help="30,000 passages, 20 questions")
    parser.add_argument("--out", type=Path, help="write JSON lines to this file")
    parser.add_argument("--vectors", type=Path, help="what benchmarks.real_vectors wrote")
    parser.add_argument("--engines", default="", help="peers by name, separated by commas")
    parser.add_argument("--data-dir", type=Path, help="keep Kenward's database here, to use again")
    return parser.parse_args()


@contextmanager
def _built(engine: Engine, corpus: Corpus, folder: Path) -> Iterator[list[_Contestant]]:
    """Build a peer; one that is not installed is left out, and said to be."""
    started = time.perf_counter()
    try:
        engine.build(corpus, folder)
    except ImportError as error:
        _say(f"{engine.name}: left out ({error})")
        yield []
        return
    build_s = time.perf_counter() - started
    _say(f"{engine.name}: built in {build_s:.0f} s")
    yield [
        _Contestant(engine.name, setting, search, build_s)
        for setting, search in engine.settings().items()
    ]
    engine.close()


def _measure(kenward: Kenward, contestants: Sequence[_Contestant], corpus: Corpus) -> list[Row]:
    rows = []
    for reach in corpus.readers:
        with kenward.asking(reach):
            rows += _measure_reach(contestants, corpus, reach)
        _say(f"{reach}: measured")
    return rows


def _measure_reach(contestants: Sequence[_Contestant], corpus: Corpus, reach: str) -> list[Row]:
    permitted = corpus.permitted(reach)
    last = _tenth_nearest(corpus, reach)
    for each in contestants:
        each.search(reach, corpus.questions[0], WANTED)
        started = time.perf_counter()
        each.search(reach, corpus.questions[1], WANTED)
        each.every = _FEWER if time.perf_counter() - started > _SLOW_S else 1
        # What lies on disk is read once before it counts.
        for question in corpus.questions[:: each.every]:
            each.search(reach, question, WANTED)
    seconds: list[list[float]] = [[] for _ in contestants]
    hits: list[list[int]] = [[] for _ in contestants]
    random = np.random.default_rng(5)
    for number, question in enumerate(corpus.questions):
        for place in random.permutation(len(contestants)):
            each = contestants[place]
            if number % each.every:
                continue
            started = time.perf_counter()
            found = each.search(reach, question, WANTED)
            seconds[place].append(time.perf_counter() - started)
            near = corpus.vectors[found] @ question >= last[number] - _TIE
            hits[place].append(int((near & np.isin(found, permitted)).sum()))
    return [
        Row(
            engine=each.engine,
            setting=each.setting,
            reach=reach,
            permitted=len(permitted),
            recall=round(sum(hit) / (min(WANTED, len(permitted)) * len(hit)), 4),
            p50_ms=round(float(np.percentile(taken, 50)) * 1000, 3),
            p95_ms=round(float(np.percentile(taken, 95)) * 1000, 3),
            per_second=round(len(taken) / sum(taken), 1),
            questions=len(taken),
            build_s=round(each.build_s, 1),
            rows=len(corpus.vectors),
        )
        for each, taken, hit in zip(contestants, seconds, hits, strict=True)
    ]


def _tenth_nearest(corpus: Corpus, reach: str) -> Vectors:
    """Return for each question the cosine of the last passage that belongs to the right answer."""
    rows = corpus.permitted(reach)
    vectors = corpus.vectors if len(rows) == len(corpus.vectors) else corpus.vectors[rows]
    wanted = min(WANTED, len(rows))
    return np.array(
        [filtered_data.nearest_exactly(vectors, each, wanted)[1] for each in corpus.questions],
        np.float32,
    )


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
