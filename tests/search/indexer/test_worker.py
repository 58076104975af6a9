"""Many documents on their way at once: what is bounded, and what a failure on the way leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.db.models import F
from django.db.models.functions import Now
from numpy.typing import NDArray

from apps.documents import recall
from apps.documents.models import Document
from apps.search.embeddings.embedding import Embedder, EmbeddingUnavailable
from apps.search.embeddings.embedding_process import EmbeddingProcess
from apps.search.indexer import chunk_rows, in_flight, indexing, queue, worker
from apps.search.indexer.indexing import IndexOutcome, Prepared
from apps.search.models import Chunk, ChunkVector
from apps.tenants.context import tenant_context
from tests.search.library import Library
from tests.world import World

EMBED = EmbeddingProcess.embed


@pytest.fixture
def shelf(committed_world: World, committed_library: Library) -> Library:
    committed_library.share("staff/", committed_world.ada)
    return committed_library


def put_many(shelf: Library, count: int) -> list[int]:
    return [
        shelf.put(f"staff/{number}.md", f"# Number {number}\n\nIt is {number}.", place="staff/").pk
        for number in range(count)
    ]


def work(shelf: Library) -> tuple[bool, list[IndexOutcome]]:
    outcomes: list[IndexOutcome] = []
    with tenant_context(shelf.tenant):
        return worker.work_off(budget_s=60, report=outcomes.append), outcomes


def waiting(shelf: Library) -> list[Document]:
    with shelf.work():
        return list(Document.objects.to_index())


def test_absent_embedding_model_gives_the_claims_back(
    shelf: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_many(shelf, 12)

    def absent(self: EmbeddingProcess, texts: Sequence[str]) -> NDArray[np.float32]:
        raise EmbeddingUnavailable("not there")

    monkeypatch.setattr(EmbeddingProcess, "embed", absent)
    assert work(shelf) == (False, [])
    documents = waiting(shelf)
    assert len(documents) == 12
    assert sorted(d.index_attempts for d in documents) == [0] * 11 + [1], "one only is to blame"
    assert {d.index_claimed_at for d in documents} == {None}


def test_document_without_usable_vectors_waits_alone(
    shelf: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def embed(self: EmbeddingProcess, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = EMBED(self, texts).copy()
        vectors[["Number 3" in text for text in texts]] = np.nan
        return vectors

    monkeypatch.setattr(EmbeddingProcess, "embed", embed)
    put_many(shelf, 12)
    _, outcomes = work(shelf)
    assert len(outcomes) == 11
    (left,) = waiting(shelf)
    assert (left.path, left.index_attempts) == ("staff/3.md", 1)


def test_document_that_cannot_be_stored_waits_and_the_others_do_not(
    shelf: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = chunk_rows.write

    def fails_for_one(document: Document, title: str, plan: chunk_rows.Plan) -> dict[int, int]:
        written = write(document, title, plan)
        if document.path == "staff/1.md":
            raise ValueError("too late")
        return written

    monkeypatch.setattr(chunk_rows, "write", fails_for_one)
    put_many(shelf, 4)
    assert len(work(shelf)[1]) == 3
    (left,) = waiting(shelf)
    assert left.path == "staff/1.md"
    with shelf.work():
        assert not Chunk.objects.filter(document=left).exists()
        assert Chunk.objects.count() == ChunkVector.objects.count() == 3


def test_error_of_the_report_is_raised(shelf: Library) -> None:
    def broken(outcome: IndexOutcome) -> None:
        raise LookupError("the report")

    put_many(shelf, 1)
    with tenant_context(shelf.tenant), pytest.raises(LookupError, match="the report"):
        worker.work_off(budget_s=20, report=broken)


@pytest.mark.parametrize(
    ("bound", "value", "most"),
    [("MOST_DOCUMENTS", 3, 3), ("MOST_PASSAGES", 2, 2), ("MOST_CHARACTERS", 1, 1)],
)
def test_so_many_documents_and_so_much_text_are_on_their_way_and_no_more(
    shelf: Library, monkeypatch: pytest.MonkeyPatch, bound: str, value: int, most: int
) -> None:
    under_way: set[int] = set()
    seen: list[int] = []
    prepare, store = indexing.prepare, indexing.store

    def begin(
        document_id: int, model: Embedder, connectors: recall.Connectors
    ) -> Prepared | IndexOutcome:
        under_way.add(document_id)
        seen.append(len(under_way))
        return prepare(document_id, model, connectors)

    def end(prepared: Prepared, vectors: NDArray[np.float32]) -> IndexOutcome:
        time.sleep(0.02)
        under_way.discard(prepared.document.pk)
        return store(prepared, vectors)

    monkeypatch.setattr(indexing, "prepare", begin)
    monkeypatch.setattr(indexing, "store", end)
    monkeypatch.setattr(in_flight, bound, value)
    put_many(shelf, 12)
    assert len(work(shelf)[1]) == 12
    assert max(seen) <= most


def test_passages_of_several_documents_are_embedded_together(
    shelf: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def embed(self: EmbeddingProcess, texts: Sequence[str]) -> NDArray[np.float32]:
        sizes.append(len(texts))
        time.sleep(0.2)  # so that others gather meanwhile
        return EMBED(self, texts)

    monkeypatch.setattr(EmbeddingProcess, "embed", embed)
    put_many(shelf, 24)
    assert len(work(shelf)[1]) == 24
    assert sum(sizes) == 24
    assert 1 < max(sizes) <= 16


AS_A_WORKER = """
import io, sys
from contextlib import contextmanager
import django
django.setup()
from apps.connections import providers
from apps.search.indexer import worker
from apps.tenants.context import tenant_context

class Source:
    @contextmanager
    def open(self, external_id):
        yield io.BytesIO(b"# Ferrets\\n\\n" + b"Ferrets sleep most of the day. " * 400)

providers.connector_for = lambda connection: Source()
with tenant_context(int(sys.argv[1])):
    worker.work_off(budget_s=120, report=lambda outcome: None)
"""


@pytest.mark.slow
def test_what_a_killed_worker_left_is_taken_up(shelf: Library) -> None:
    ids = put_many(shelf, 40)
    for path in shelf.source.files:
        shelf.source.files[path] = "# Ferrets\n\n" + "Ferrets sleep most of the day. " * 400
    process = subprocess.Popen([sys.executable, "-c", AS_A_WORKER, str(shelf.tenant.pk)])
    try:
        eventually(lambda: len(waiting(shelf)) < len(ids) - 3)
        (child,) = embedding_children(process.pid)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    left = waiting(shelf)
    assert left, "it was killed in the middle"
    with shelf.work():
        assert Document.objects.exclude(index_claimed_at=None).exists()
        half = Document.objects.exclude(indexed_version=F("version"))
        assert not Chunk.objects.filter(document__in=half).exists()
        Document.objects.update(index_claimed_at=Now() - timedelta(seconds=queue.CLAIM_S + 1))
    eventually(lambda: not Path(f"/proc/{child}").exists())
    assert len(work(shelf)[1]) == len(left)
    with shelf.work():
        assert not queue.has_work()
        assert Chunk.objects.count() == ChunkVector.objects.count() >= 40


def embedding_children(parent: int) -> list[int]:
    """Return the embedding processes that a process started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_text()
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if "embedding_child" in command and int(fields[1]) == parent:
            found.append(int(os.fspath(folder).rpartition("/")[2]))
    return found


def eventually(holds: Callable[[], bool], within_s: float = 90) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
