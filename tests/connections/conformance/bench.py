"""Kenward with one connected source: the real engine, database and index, in steps of a test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import redis
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.connections.models import Connection, ConnectionState
from apps.documents.models import Document
from apps.search.indexer import indexing, queue, repoint, worker
from apps.search.indexer.indexing import IndexOutcome
from apps.search.models import Chunk
from apps.sync_events import engine, schedule
from apps.sync_events.models import UNFINISHED, RunState, SyncRun
from apps.tenants.context import tenant_context
from apps.tenants.models import Tenant
from tests.connections.conformance.source import Place, Source, new_text

# A run that needs more slices than this for so little data never ends.
_MOST_SLICES = 80


@dataclass
class Bench:
    """A tenant with a connection to a source.

    Attributes:
        people: members of the tenant by address: all whom the source knows, and Eve.
        name: of the connection.
        items: external ids by the names of a test.
    """

    source: Source
    tenant: Tenant
    people: Mapping[str, User]
    name: str = "Source"
    connection: Connection = field(init=False)
    items: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.connection = self.source.connect(self.tenant, self.name)

    def populate(self) -> None:
        """Put a handful of items into the source; `items` names them."""
        told = {Place.OPEN: ("plan", "notes", "rates"), Place.CLOSED: ("budget", "salaries")}
        for place, names in told.items():
            for name in names:
                self.items[name] = self.source.add(place, name, new_text())

    def reconnect(self, name: str) -> None:
        """Leave the connection, and make another one, of which nothing is known yet."""
        self.leave()
        self.connection = self.source.connect(self.tenant, name)

    def leave(self) -> None:
        """Let the connection be synced no more."""
        with self.bound(), transaction.atomic():
            left = Connection.objects.filter(pk=self.connection.pk)
            left.update(state=ConnectionState.DISCONNECTED)

    def sync(self) -> SyncRun:
        """Compare everything, and index; returns the content run."""
        run = self.sweep()
        self.index()
        return run

    def sweep(self) -> SyncRun:
        """Compare everything to the end; returns the content run."""
        run = self.request_sweep()
        self.work_off()
        return self.again(run)

    def request_sweep(self) -> SyncRun:
        """Queue a comparison of everything; returns the content run."""
        with self.bound(), transaction.atomic():
            return schedule.request_sweep(self.connection, trigger=SyncRun.Trigger.SCHEDULE)

    def confirm(self) -> SyncRun:
        """Compare permissions alone, as happens most often; returns the run."""
        with self.bound(), transaction.atomic():
            run = schedule.request_permissions(self.connection, trigger=SyncRun.Trigger.SCHEDULE)
        self.work_off()
        return self.again(run)

    def poll(self) -> None:
        """Let Kenward hear what has changed since, as between two comparisons."""
        self.tell()
        self.work_off()

    def tell(self) -> None:
        """Queue what Kenward does to hear of changes."""
        with self.bound():
            self.source.tell(self.connection)

    def work_off(self) -> None:
        """Work on every run that can be claimed; what waits for a time stays."""
        with self.bound():
            for _ in range(_MOST_SLICES):
                claimable = schedule.claimable_runs()
                if not claimable:
                    return
                engine.work(claimable[0][0])
        raise AssertionError("the runs never end")

    def work_on(self, run: SyncRun) -> engine.Outcome:
        """Work on a run for one slice."""
        with self.bound():
            return engine.work(run.pk)

    def let_time_pass(self) -> None:
        """Let everything be due that waits: runs, documents, and a source that wanted rest."""
        with self.bound(), transaction.atomic():
            SyncRun.objects.filter(state__in=UNFINISHED).update(not_before=None)
            Document.objects.update(index_after=None, index_claimed_at=None)
        self.source_has_rested()

    def source_has_rested(self) -> None:
        """Forget that the source asked for rest, or failed several times."""
        client = redis.Redis.from_url(settings.REDIS_URL)
        for what in ("rest", "open", "failures", "bucket"):
            client.delete(f"kenward:pace:{self.connection.uuid}:{what}")
        client.close()

    def bury(self) -> None:
        """Let the claims of a worker that was killed be stale."""
        with self.bound(), transaction.atomic():
            long_ago = timezone.now() - timedelta(minutes=1)
            SyncRun.objects.filter(state=RunState.RUNNING).update(heartbeat_at=long_ago)
            Document.objects.update(index_claimed_at=None)

    def index(self) -> list[IndexOutcome]:
        """Index what waits, one document after the other."""
        found = []
        with self.bound():
            while claimed := queue.claim(20):
                found += [indexing.index(document_id) for document_id in claimed]
            while repoint.repoint_chunks(200):
                continue
        return found

    def index_with_worker(self) -> None:
        """Index what is due, as the worker does: several documents at once."""
        with self.bound():
            worker.work_off(budget_s=60, report=lambda outcome: None)

    def again(self, run: SyncRun) -> SyncRun:
        """Return a run as it is stored now."""
        with self.bound(), transaction.atomic():
            return SyncRun.objects.get(pk=run.pk)

    def runs(self) -> list[SyncRun]:
        """Return all runs of the connection, oldest first."""
        with self.bound(), transaction.atomic():
            return list(SyncRun.objects.filter(connection=self.connection).order_by("pk"))

    def documents(self) -> dict[str, Document]:
        """Return the live documents by external id."""
        with self.bound(), transaction.atomic():
            live = Document.objects.live().filter(connection=self.connection)
            return {document.external_id: document for document in live}

    def prints(self) -> dict[str, tuple[object, ...]]:
        """Return what differs for a document that was indexed again, by external id."""
        found: dict[str, tuple[object, ...]] = {}
        with self.bound(), transaction.atomic():
            for name, document in self.documents().items():
                chunks = Chunk.objects.filter(document=document).order_by("pk")
                indexed = (document.version, document.indexed_at)
                found[name] = (*indexed, *chunks.values_list("pk", flat=True))
        return found

    @contextmanager
    def bound(self) -> Iterator[None]:
        """Bind the tenant."""
        with tenant_context(self.tenant):
            yield
