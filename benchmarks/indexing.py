"""Indexing: documents and chunks per second against ONNX Runtime, memory, questions beside it.

A company handbook goes through the worker's real path into an embedded PostgreSQL. Before and
after, ONNX Runtime embeds the same passages with nothing around it; here both have the same
priority, so that whatever else runs takes its share of both. Questions are asked beside a worker
that steps back as it does in an installation. Needs
../shared/data/handbooks/sourcegraph-handbook.tar.gz. Run it on an idle machine:

    .venv/bin/python -m benchmarks.indexing
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import report, scratch
from benchmarks.report import Figure

ROOT = Path(__file__).resolve().parents[1]
ARCHIVE = ROOT.parent / "shared" / "data" / "handbooks" / "sourcegraph-handbook.tar.gz"
QUESTION = "How many weeks of parental leave do we get in round {}?"
_TICKS = os.sysconf("SC_CLK_TCK")
# Seconds end to end for each second of ONNX Runtime alone: 80 % of its throughput.
_BOUND = 1.25
# What one worker may grow by, in MB, from its first third of the small files to its last.
_GROWTH_BOUND = 32


def main() -> int:
    """Index the handbook, then many small files."""
    options = report.arguments(__doc__ or "")
    if not ARCHIVE.exists():
        raise SystemExit(f"There is no {ARCHIVE}: nothing to measure.")
    files, small = (60, 200) if options.quick else (300, 4_000)
    with tempfile.TemporaryDirectory() as name, scratch.database():
        from django.conf import settings

        folder = Path(name)
        settings.KENWARD_FOLDER_ROOTS = [folder]
        os.environ["KENWARD_FOLDER_ROOTS"] = name
        figures = [
            *_handbook(folder, files),
            *_questions(folder, files // 3),
            *_small_files(folder, small),
        ]
    return report.show(figures, options.out)


@dataclass
class Run:
    """A worker at work, seen from outside.

    Attributes:
        resident_mb: role -> MB at each look, a tenth of a second apart.
        processor_s: seconds of processor time of all processes together, but for this one.
        query_s: seconds that each question took meanwhile.
    """

    seconds: float = 0.0
    indexed: int = 0
    processor_s: float = 0.0
    resident_mb: dict[str, list[int]] = field(default_factory=dict)
    query_s: list[float] = field(default_factory=list)


def _handbook(folder: Path, files: int) -> Iterator[Figure]:
    from apps.search.embeddings import minilm, processors
    from apps.search.embeddings.embedding import embedder

    texts = _texts(files)
    chunks = [text for document in texts for text in _passages(document)]
    kept = folder / "texts.json"
    kept.write_text(json.dumps(chunks))
    graph = minilm.cached_graph(Path(os.environ["KENWARD_DATA_DIR"]) / "models")
    embedder().embed(["ready?"])
    before = _process("raw", graph, kept, processors.available())
    run = _index(_tenant(folder / "handbook", texts))
    after = _process("raw", graph, kept, processors.available())
    raw_s = (before["seconds"] + after["seconds"]) / 2
    raw_processor_s = (before["processor_s"] + after["processor_s"]) / 2
    settings = {
        "files": files,
        "chunks": len(chunks),
        "processors": processors.available(),
        "raw": before["setting"],
        "raw_tried": before["tried"],
        "raw_seconds": [round(each["seconds"], 1) for each in (before, after)],
    }
    peak = {role: max(sizes) for role, sizes in run.resident_mb.items()}
    yield Figure("documents per second", _rounded(run.indexed / run.seconds), "1/s")
    yield Figure("chunks per second, end to end", _rounded(len(chunks) / run.seconds), "1/s")
    yield Figure("chunks per second, ONNX Runtime alone", _rounded(len(chunks) / raw_s), "1/s")
    yield Figure(
        "seconds for each of ONNX Runtime alone",
        _rounded(run.seconds / raw_s),
        "×",
        _BOUND,
        "ONNX Runtime",
        _rounded(raw_s / run.seconds),
        settings,
    )
    yield Figure(
        "processor time for each second of it of ONNX Runtime alone",
        _rounded(run.processor_s / raw_processor_s),
        "×",
        peer="ONNX Runtime",
        ratio=_rounded(raw_processor_s / run.processor_s),
    )
    for role, size in sorted(peak.items()):
        yield Figure(f"peak memory, {role}", size, "MB")


def _questions(folder: Path, files: int) -> Iterator[Figure]:
    idle = _ask_for(3.0)
    run = _index(_tenant(folder / "beside", _texts(files)), asking=True)
    for name, seconds in (("idle", idle), ("while indexing", run.query_s)):
        for percent in (50, 95):
            value = _rounded(float(np.percentile(seconds, percent)) * 1000)
            yield Figure(
                f"vector of a question, {name}, p{percent}",
                value,
                "ms",
                settings={"questions": len(seconds)},
            )


def _small_files(folder: Path, files: int) -> Iterator[Figure]:
    texts = [
        f"# Note {n}\n\nThe key of room {n} hangs in room {n * 7 % 1000}." for n in range(files)
    ]
    run = _index(_tenant(folder / "notes", texts))
    yield Figure(
        "small files per second", _rounded(run.indexed / run.seconds), "1/s",
        settings={"files": files, "seconds": round(run.seconds, 1)},
    )  # fmt: skip
    for role, sizes in sorted(run.resident_mb.items()):
        third = max(1, len(sizes) // 3)
        grown = max(sizes[-third:]) - max(sizes[:third])
        yield Figure(f"small files: growth of the {role}", grown, "MB", _GROWTH_BOUND)


def _texts(files: int) -> list[str]:
    with tarfile.open(ARCHIVE) as archive:
        members = sorted((m for m in archive if m.name.endswith(".md")), key=lambda m: m.name)
        found = []
        for member in members[:files]:
            content = archive.extractfile(member)
            assert content is not None
            found.append(content.read().decode(errors="replace"))
        return found


def _passages(text: str) -> list[str]:
    """Return what is embedded of a document."""
    from io import BytesIO

    from apps.documents import chunking
    from apps.documents.extract.errors import ExtractionError
    from apps.documents.extract.run import extract
    from apps.search.embeddings.embedding import embedder

    try:
        content = extract(BytesIO(text.encode()), file_name="a.md", mime_type="text/markdown")
    except ExtractionError:
        return []
    model = embedder()
    found = chunking.chunks(content, tokenizer=model, max_tokens=model.spec.chunk_tokens)
    return list({passage.sha256: passage.embedded_text for passage in found}.values())


def _tenant(folder: Path, texts: list[str]) -> int:
    """Make a tenant whose files wait for indexing, and return its id."""
    from apps.ops.evaluation import corpus
    from apps.ops.evaluation.datasets import SourceDocument
    from apps.tenants.models import Tenant

    folder.mkdir()
    held = corpus.found(folder)
    Tenant.objects.filter(pk=held.tenant.pk).update(slug=folder.name)
    held.member.email = f"{folder.name}@benchmark.example"
    held.member.save()
    corpus.fill(
        held,
        (SourceDocument(str(n), "", text, is_markdown=True) for n, text in enumerate(texts)),
        folder,
    )
    return held.tenant.pk


def _index(tenant_id: int, *, asking: bool = False) -> Run:
    """Work off a tenant, at normal priority unless questions are asked meanwhile."""
    from apps.search.embeddings import embedding_process

    run = Run()
    niceness = embedding_process.NICENESS if asking else 0
    with subprocess.Popen(  # noqa: S603  our own interpreter and module
        [
            sys.executable,
            "-m",
            "benchmarks.indexing_processes",
            "work",
            str(tenant_id),
            str(niceness),
        ],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # as `up` starts it
    ) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
        began = _processor_s(worker.pid)
        _say_go(worker)
        is_over = threading.Event()
        beside = [threading.Thread(target=_look, args=(worker.pid, run, is_over))]
        if asking:
            beside.append(threading.Thread(target=_keep_asking, args=(run, is_over)))
        for thread in beside:
            thread.start()
        told: dict[str, Any] = json.loads(worker.stdout.readline())
        run.processor_s = _processor_s(worker.pid) - began
        is_over.set()
        for thread in beside:
            thread.join()
        _say_go(worker)
    run.seconds, run.indexed = told["seconds"], told["indexed"]
    return run


def _say_go(worker: subprocess.Popen[str]) -> None:
    assert worker.stdin is not None
    worker.stdin.write("\n")
    worker.stdin.flush()


def _keep_asking(run: Run, is_over: threading.Event) -> None:
    while not is_over.is_set():
        run.query_s += _ask_for(1.0)


def _look(worker_id: int, run: Run, is_over: threading.Event) -> None:
    """Note how much memory the worker and its children hold, until they are done."""
    roles = {"embedding_child": "embedding process", "extract.child": "file reader"}
    while not is_over.wait(0.1):
        for pid in [worker_id, *_children(worker_id)]:
            try:
                command = Path(f"/proc/{pid}/cmdline").read_text()
                pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            except (OSError, IndexError):
                continue
            role = next((name for mark, name in roles.items() if mark in command), "worker")
            size = pages * os.sysconf("SC_PAGE_SIZE") // 2**20
            run.resident_mb.setdefault(role, []).append(size)


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(each) for each in task.read_text().split()]
        except OSError:
            continue
    return found


def _processor_s(worker_id: int) -> float:
    """Return the processor time of PostgreSQL, the worker and its children so far, in seconds."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (backend,) = cursor.fetchone()
    server = int(Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()[1])
    ticks = 0
    for pid in (server, *_children(server), worker_id, *_children(worker_id)):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += sum(map(int, fields[11:15]))  # its own, and that of children that have ended
    return ticks / _TICKS


def _ask_for(seconds: float) -> list[float]:
    """Embed a question again and again, as the web server does; return the seconds of each."""
    from apps.search.embeddings.embedding import embedder

    model = embedder()
    found: list[float] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        started = time.perf_counter()
        model.embed([QUESTION.format(len(found))])
        found.append(time.perf_counter() - started)
        time.sleep(0.03)
    return found


def _process(*arguments: object) -> dict[str, Any]:
    """Run another process of this benchmark to its end and return what it tells."""
    found: dict[str, Any] = json.loads(
        subprocess.run(  # noqa: S603  our own interpreter and module
            [sys.executable, "-m", "benchmarks.indexing_processes", *map(str, arguments)],
            cwd=ROOT,
            check=True,
            stdout=subprocess.PIPE,
            start_new_session=True,
        ).stdout
    )
    return found


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")


if __name__ == "__main__":
    sys.exit(main())
