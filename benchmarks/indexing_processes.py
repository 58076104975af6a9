"""The other processes of the indexing benchmark: ONNX Runtime alone, and the worker.

    python -m benchmarks.indexing_processes raw GRAPH TEXTS THREADS
    python -m benchmarks.indexing_processes work TENANT_ID NICENESS

Each writes one line of JSON when it is done. The worker writes a line when it is ready, waits for
one before it begins and for one before it ends.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

_TRIED = 40  # texts with which the best setting is looked for
Ids = Sequence[Sequence[int]]


def raw(graph: Path, texts: Path, threads: int) -> dict[str, Any]:
    """Embed the texts with nothing but ONNX Runtime, in the fastest of the usual ways.

    Tokens are made beforehand and vectors are thrown away.
    """
    from apps.search.embeddings.minilm import MiniLM

    ids = MiniLM(graph.parent, threads=1).tokens.ids(json.loads(texts.read_text()))
    sample = [ids[place] for place in np.random.default_rng(1).permutation(len(ids))[:_TRIED]]
    settings = [
        (within, threads // within, texts_at_once)
        for within in {1, threads}
        for texts_at_once in (1, 16)
    ]
    sessions = {within: _session(graph, within) for within in {1, threads}}
    for session in sessions.values():
        _embed(session, sample[:8], 1, 1)
    tried = {each: _timed(sessions[each[0]], sample, *each[1:]) for each in settings}
    best = min(tried, key=lambda each: tried[each])
    began = time.process_time()
    seconds = _timed(sessions[best[0]], ids, *best[1:])
    return {
        "seconds": seconds,
        "processor_s": time.process_time() - began,
        "setting": f"{best[1]} batches of up to {best[2]} at once, {best[0]} threads each",
        "tried": {str(each): round(_TRIED / took, 1) for each, took in tried.items()},
    }


def _session(graph: Path, threads: int) -> Any:
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    runtime: Any = onnxruntime  # it does not say what it exports
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return runtime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])


def _timed(session: Any, ids: Ids, at_once: int, most: int) -> float:
    started = time.perf_counter()
    _embed(session, ids, at_once, most)
    return time.perf_counter() - started


def _embed(session: Any, ids: Ids, at_once: int, most: int) -> None:
    waiting: queue.SimpleQueue[Ids] = queue.SimpleQueue()
    for batch in _batches(ids, most):
        waiting.put(batch)

    def work() -> None:
        while True:
            try:
                batch = waiting.get_nowait()
            except queue.Empty:
                return
            padded = np.zeros((len(batch), max(map(len, batch))), dtype=np.int64)
            mask = np.zeros_like(padded)
            for row, each in enumerate(batch):
                padded[row, : len(each)] = each
                mask[row, : len(each)] = 1
            session.run(None, {"ids": padded, "mask": mask})

    threads = [threading.Thread(target=work) for _ in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _batches(ids: Ids, most: int) -> Iterator[Ids]:
    """Yield batches by length: at most so many texts, and 512 tokens unless it is one text."""
    batch: list[Sequence[int]] = []
    for each in sorted(ids, key=len):
        if batch and (len(batch) == most or (len(batch) + 1) * len(each) > 512):
            yield batch
            batch = []
        batch.append(each)
    yield batch


def work(tenant_id: int, niceness: int) -> dict[str, Any]:
    """Work off a tenant's queue as the indexing worker does, in turns of five seconds."""
    import django

    django.setup()
    from apps.search.embeddings import embedding, embedding_lanes, embedding_process
    from apps.search.indexer import worker
    from apps.sync_events.indexing import BUDGET_S
    from apps.tenants.context import tenant_context

    embedding_process.NICENESS = niceness
    # A worker lives for months.
    embedding_lanes.lanes(embedding.embedder()).embed(["ready?"])
    print("ready", flush=True)
    sys.stdin.readline()
    states: list[str] = []
    started = time.perf_counter()
    with tenant_context(tenant_id):
        while worker.work_off(budget_s=BUDGET_S, report=lambda each: states.append(each.state)):
            pass
    return {"seconds": time.perf_counter() - started, "indexed": states.count("indexed")}


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "raw":
        print(json.dumps(raw(Path(rest[0]), Path(rest[1]), int(rest[2]))), flush=True)
    else:
        print(json.dumps(work(int(rest[0]), int(rest[1]))), flush=True)
        sys.stdin.readline()
