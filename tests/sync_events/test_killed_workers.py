"""`kill -9` of workers in the middle of 2,000 files ends with exactly the right documents."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from django.conf import settings
from django.db import transaction

from apps.documents.models import Document, DocumentText
from apps.search.models import Chunk, ChunkVector
from apps.sync_events import schedule
from apps.sync_events.models import UNFINISHED, SyncRun
from apps.tenants.context import tenant_context
from tests.sync_events.folder import Folder

pytestmark = pytest.mark.slow

FILES = 2_000
ROOT = Path(__file__).resolve().parents[2]


class Process:
    """A worker or beat, as `up` runs it."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = [sys.executable, "-m", "celery", "--app", "config", "--quiet", *arguments]
        self.start()

    def start(self) -> None:
        environment = {
            **os.environ,
            "KENWARD_FOLDER_ROOTS": ":".join(map(str, settings.KENWARD_FOLDER_ROOTS)),
        }
        self._process = subprocess.Popen(
            self._arguments, cwd=ROOT, env=environment, start_new_session=True
        )

    def kill(self) -> None:
        with suppress(ProcessLookupError):  # killed before
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@pytest.fixture
def processes(folder: Folder) -> Iterator[dict[str, Process]]:
    worker = ("worker", "--pool", "threads", "--loglevel", "WARNING", "--without-gossip")
    with ExitStack() as stack:
        started = {
            "sync": Process(*worker, "-Q", "permissions,sync", "-c", "4", "-n", "sync@here"),
            "index": Process(*worker, "-Q", "index", "-c", "1", "-n", "index@here"),
            "beat": Process("beat", "--pidfile=", "--loglevel", "WARNING"),
        }
        for process in started.values():
            stack.callback(process.kill)
        yield started


def progress(folder: Folder) -> tuple[int, int]:
    with tenant_context(folder.tenant), transaction.atomic():
        documents = Document.objects.live().filter(connection=folder.connection)
        return documents.count(), documents.exclude(indexed_version=0).count()


def is_finished(folder: Folder) -> bool:
    with tenant_context(folder.tenant), transaction.atomic():
        unfinished = SyncRun.objects.filter(state__in=UNFINISHED).exists()
        return not unfinished and not Document.objects.to_index().exists()


def wait(folder: Folder, *, until: int, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if progress(folder)[1] >= until:
            return
        time.sleep(0.2)
    raise AssertionError(f"only {progress(folder)} documents and indexed ones after {timeout_s} s")


def test_three_killed_workers_lose_and_double_nothing(
    folder: Folder, processes: dict[str, Process]
) -> None:
    expected = {f"part{number % 20:02}/note{number:04}.md" for number in range(FILES)}
    for path in expected:
        target = folder.path / path
        target.parent.mkdir(exist_ok=True)
        target.write_text(f"# Note {path}\n\nThe answer of {path} is {hash(path) % 1000}.\n")
    with tenant_context(folder.tenant), transaction.atomic():
        schedule.request_sweep(folder.connection, trigger=SyncRun.Trigger.SCHEDULE)

    chosen = random.Random()  # noqa: S311  the points are to differ from run to run
    for milestone in sorted(chosen.sample(range(1, FILES - 200), 3)):
        wait(folder, until=milestone, timeout_s=120)
        for name in ("sync", "index"):
            processes[name].kill()
            processes[name].start()

    wait(folder, until=FILES, timeout_s=180)
    deadline = time.monotonic() + 30
    while not is_finished(folder):
        assert time.monotonic() < deadline, "runs or documents are left over"
        time.sleep(0.2)
    for process in processes.values():  # beat plants canaries now and then
        process.kill()
    assert set(folder.documents()) == expected
    with tenant_context(folder.tenant), transaction.atomic():
        synced = Document.objects.without_canaries()
        assert synced.count() == FILES
        assert DocumentText.objects.filter(document__in=synced).count() == FILES
        per_document = Chunk.objects.filter(document__in=synced).values_list(
            "document_id", "ordinal"
        )
        assert len(set(per_document)) == per_document.count() >= FILES
        assert set(Chunk.objects.values_list("pk", flat=True)) == set(
            ChunkVector.objects.values_list("pk", flat=True)
        )
