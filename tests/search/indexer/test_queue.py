"""Claims, back-off and the indexing task; and what readers see while a document is rewritten."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.db.models.functions import Now
from django.utils import timezone

from apps.connections.errors import SourceUnavailable
from apps.connections.models import Connection, ConnectionState
from apps.documents.models import Document
from apps.search.indexer import indexing, queue, worker
from apps.search.indexer.indexing import IndexOutcome
from apps.search.models import Chunk, ChunkVector
from apps.tenants.context import tenant_context
from tests.search import texts
from tests.search.library import Library
from tests.world import World


@pytest.fixture
def shelf(committed_world: World, committed_library: Library) -> Library:
    committed_library.share("staff/", committed_world.ada)
    return committed_library


def ignore(outcome: IndexOutcome) -> None:
    """Report to nobody."""


def put_many(shelf: Library, count: int) -> list[int]:
    return [
        shelf.put(f"staff/{number}.md", texts.FERRET, place="staff/").pk for number in range(count)
    ]


def in_thread(work: Callable[[], Any], shelf: Library) -> threading.Thread:
    def run() -> None:
        try:
            with tenant_context(shelf.tenant):
                work()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_claimed_document_is_not_claimed_again(shelf: Library) -> None:
    ids = put_many(shelf, 3)
    with tenant_context(shelf.tenant):
        assert queue.claim(2) == ids[:2]
        assert queue.claim(2) == ids[2:]
        assert queue.claim(2) == []


def test_claim_of_a_dead_worker_ends(shelf: Library) -> None:
    (pk,) = put_many(shelf, 1)
    with tenant_context(shelf.tenant):
        queue.claim(1)
        with shelf.work():
            Document.objects.update(index_claimed_at=Now() - timedelta(seconds=queue.CLAIM_S + 1))
        assert queue.claim(1) == [pk]


def test_renewed_claim_is_kept(shelf: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "_RENEW_S", 0.05)
    (pk,) = put_many(shelf, 1)
    with tenant_context(shelf.tenant):
        queue.claim(1)
        with shelf.work():
            Document.objects.update(index_claimed_at=Now() - timedelta(seconds=queue.CLAIM_S - 1))
        with queue.renewing({pk}):
            time.sleep(0.4)
        with shelf.work():
            claimed_at = Document.objects.get().index_claimed_at
        assert claimed_at is not None
        assert timezone.now() - claimed_at < timedelta(seconds=3)


def test_documents_of_a_paused_connection_wait(shelf: Library) -> None:
    put_many(shelf, 1)
    with tenant_context(shelf.tenant):
        with shelf.work():
            Connection.objects.update(state=ConnectionState.PAUSED)
        assert queue.claim(1) == []
        with shelf.work():
            assert not queue.has_work()
            Connection.objects.update(state=ConnectionState.ACTIVE)
            assert queue.has_work()
        assert len(queue.claim(1)) == 1


def test_back_off_doubles_up_to_ten_minutes(shelf: Library) -> None:
    (pk,) = put_many(shelf, 1)
    delays = []
    with tenant_context(shelf.tenant):
        for _ in range(12):
            queue.back_off(pk)
            with shelf.work():
                after = Document.objects.get().index_after
            assert after is not None
            delays.append(round((after - timezone.now()).total_seconds()))
        assert queue.claim(1) == []
    assert delays[:4] == [2, 4, 8, 16]
    assert delays[-1] == 600


def test_parallel_claims_are_disjoint(shelf: Library) -> None:
    ids = put_many(shelf, 40)
    claimed: list[int] = []

    def take() -> None:
        while found := queue.claim(3):
            claimed.extend(found)

    threads = [in_thread(take, shelf) for _ in range(4)]
    for thread in threads:
        thread.join()
    assert sorted(claimed) == ids


def test_all_that_waits_is_indexed_and_reported(shelf: Library) -> None:
    ids = put_many(shelf, 12)
    outcomes: list[IndexOutcome] = []
    with tenant_context(shelf.tenant):
        assert worker.work_off(budget_s=20, report=outcomes.append) is False
    assert sorted(outcome.document_id for outcome in outcomes) == ids
    with shelf.work():
        assert not queue.has_work()
        assert Chunk.objects.count() == ChunkVector.objects.count() == 12


def test_one_document_that_fails_does_not_stop_the_others(shelf: Library) -> None:
    put_many(shelf, 3)
    broken = shelf.put("staff/1.md", SourceUnavailable("not mounted"), place="staff/")
    with tenant_context(shelf.tenant):
        assert worker.work_off(budget_s=20, report=ignore) is False
    with shelf.work():
        (waiting,) = Document.objects.to_index()
        assert waiting == broken
        assert waiting.index_attempts >= 1
        assert waiting.index_claimed_at is None


def test_work_stops_when_the_time_is_up(shelf: Library) -> None:
    put_many(shelf, 3)
    with tenant_context(shelf.tenant):
        assert worker.work_off(budget_s=0, report=ignore) is True
        with shelf.work():
            assert queue.has_work()


def test_two_indexers_leave_one_set_of_passages(shelf: Library) -> None:
    document = shelf.put("staff/travel.md", texts.TRAVEL * 20, place="staff/")
    both_have_read = threading.Barrier(2, timeout=20)
    shelf.source.on_open = lambda: [both_have_read.wait()]
    outcomes: list[str] = []
    threads = [
        in_thread(lambda: outcomes.append(indexing.index(document.pk).state), shelf)
        for _ in range(2)
    ]
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["indexed", "superseded"]
    with shelf.work():
        ordinals = list(Chunk.objects.order_by("ordinal").values_list("ordinal", flat=True))
        assert ordinals == list(range(len(ordinals)))
        assert ChunkVector.objects.count() == len(ordinals)


def test_readers_see_the_old_or_the_new_version_and_never_half(
    committed_world: World, shelf: Library
) -> None:
    def version(number: int) -> str:
        parts = (f"## Part {part}\n\n" + f"Ferrets of edition{number}. " * 40 for part in range(6))
        return "# Ferrets\n\n" + "\n\n".join(parts)

    shelf.add("staff/ferrets.md", version(0), place="staff/")
    is_over = threading.Event()

    def rewrite() -> None:
        try:
            for number in range(1, 6):
                document = shelf.put("staff/ferrets.md", version(number), place="staff/")
                indexing.index(document.pk)
        finally:
            is_over.set()

    writer = in_thread(rewrite, shelf)
    seen = set()
    while not is_over.is_set():
        with shelf.work():
            rows = list(Chunk.objects.values_list("version", "document__texts__version", "text"))
        versions = {(version, of_text) for version, of_text, _ in rows}
        assert len(rows) >= 6
        assert len(versions) == 1, versions
        ((of_chunk, of_text),) = versions
        assert of_chunk == of_text
        assert all(f"edition{of_chunk - 1}" in text for _, _, text in rows)
        seen.add(of_chunk)
        assert shelf.ask(committed_world.ada, "ferrets")
    writer.join()
    assert len(seen) > 1
