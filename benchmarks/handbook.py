"""A real company handbook through `up --folder`: documents, chunks, seconds, memory, ten questions.

Needs ../shared/data/handbooks/sourcegraph-handbook.tar.gz (887 Markdown files). Run it on an idle
machine:  .venv/bin/python -m benchmarks.handbook
"""

from __future__ import annotations

import json
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from uuid import uuid4

import httpx2
import psycopg
from websockets.sync.client import connect
from websockets.typing import Origin

from apps.ops import embedded_paths
from benchmarks import report
from benchmarks.report import Figure
from benchmarks.web import signed_in
from tests.e2e.running import ROOT, Running

ARCHIVE = ROOT.parent / "shared" / "data" / "handbooks" / "sourcegraph-handbook.tar.gz"
READER = "ben.okoro@tarnbrook.example"
_PROCESSES = {
    "uvicorn": "web",
    "worker-index": "indexing worker",
    "worker-sync": "sync worker",
    "extract.child": "file reader",
}
QUESTIONS = [
    "How many weeks of parental leave do we get?",
    "How do I request time off?",
    "What is the on-call rotation for engineers?",
    "Which values does the company have?",
    "How are incidents handled?",
    "How do I expense a purchase?",
    "What happens in an interview for an engineering position?",
    "How does the company decide on compensation?",
    "What is a request for comments (RFC)?",
    "How do I set up my laptop on the first day?",
]


def main() -> int:
    """Connect the handbook, wait until it is searchable, ask."""
    options = report.arguments(__doc__ or "")
    if not ARCHIVE.exists():
        raise SystemExit(f"There is no {ARCHIVE}: nothing to measure.")
    with tempfile.TemporaryDirectory() as folder:
        handbook = Path(folder) / "handbook"
        with tarfile.open(ARCHIVE) as archive:
            archive.extractall(handbook, filter="data")
        kenward = Running(Path(folder) / "var").start("--folder", str(handbook))
        try:
            figures = _measure(kenward)
        finally:
            kenward.stop()
    return report.show(figures, options.out)


def _measure(kenward: Running) -> list[Figure]:
    kenward.wait_for("serving ", timeout_s=120)
    started = time.monotonic()
    documents, chunks, failed = _wait_until_indexed(kenward)
    seconds = time.monotonic() - started
    memory = _peak_memory_mb(kenward.process.pid)
    client = signed_in(kenward, READER)
    latencies = [_ask(kenward, client, question) for question in QUESTIONS]
    settings = {"files": 887, "cores": 2}
    return [
        Figure("documents", documents, "", settings=settings),
        Figure("of these without text", failed, ""),
        Figure("chunks", chunks, ""),
        Figure("until all are searchable", round(seconds, 1), "s"),
        Figure("chunks per second", round(chunks / seconds, 1), "1/s"),
        *(Figure(f"peak memory, {name}", size, "MB") for name, size in memory.items()),
        Figure("first words of an answer, median", round(sorted(latencies)[5], 2), "s"),
    ]


def _wait_until_indexed(kenward: Running) -> tuple[int, int, int]:
    """Return documents, chunks and documents that cannot be indexed, once nothing waits."""
    url = embedded_paths.postgres_url(kenward.data_dir, embedded_paths.SUPERUSER)
    with psycopg.connect(url, autocommit=True) as database:
        while True:
            time.sleep(0.5)
            row = database.execute(
                "select count(*), count(*) filter (where indexed_version <> version),"
                " count(*) filter (where failure <> ''),"
                " (select count(*) from search_chunk c where c.document_id in"
                "  (select id from documents_document where connection_id = d.connection_id))"
                " from documents_document d join connections_connection s on s.id = connection_id"
                " where deleted_at is null and s.settings->>'path' like '%%/handbook'"
                " group by connection_id"
            ).fetchone()
            if row is not None and row[0] >= 880 and row[1] == 0:
                return row[0], row[3], row[2]


def _peak_memory_mb(root_pid: int) -> dict[str, int]:
    """Return the high-water marks of resident memory of the larger processes below `up`."""
    found: dict[str, int] = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(
                line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line
            )
            command = (status.parent / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
        if not _is_below(int(fields["Pid"]), root_pid):
            continue
        for mark, name in _PROCESSES.items():
            if mark in command and "VmHWM" in fields:
                size = int(fields["VmHWM"].split()[0]) // 1024
                found[name] = max(size, found.get(name, 0))
    return found


def _is_below(pid: int, ancestor: int) -> bool:
    while pid > 1:
        if pid == ancestor:
            return True
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return False
    return False


def _ask(kenward: Running, client: httpx2.Client, question: str) -> float:
    """Ask over the chat's WebSocket, print the answer, return the seconds to its first words."""
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    address = f"ws://127.0.0.1:{kenward.port}/ws/chat/{uuid4()}/"
    headers = {"Cookie": cookie}
    first, text = 0.0, ""
    with connect(address, additional_headers=headers, origin=Origin(kenward.url)) as socket:
        started = time.monotonic()
        socket.send(json.dumps({"type": "ask", "text": question}))
        while True:
            frame = json.loads(socket.recv(timeout=60))
            if frame["type"] == "token":
                first = first or time.monotonic() - started
                text += frame["text"]
            if frame["type"] in ("done", "error"):
                break
    print(f"\n## {question}  ({first:.2f} s)\n\n{text or frame}\n")
    return first


if __name__ == "__main__":
    sys.exit(main())
