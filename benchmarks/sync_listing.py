"""Measures of listing, storing, downloading and following, by the engine's and indexer's own code.

This process is the worker. The pace at which a connection may ask Google is lifted but where it is
said otherwise: it is a wish of Google's, no cost of Kenward's.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction

from apps.connections.providers.google_drive.connector import GoogleDrive
from apps.documents import access, recall
from apps.documents.models import Document
from apps.search.embeddings import embedding, embedding_lanes
from apps.search.indexer import worker
from apps.search.models import Chunk
from apps.sync_events import engine, indexing, runs, schedule
from apps.sync_events.models import UNFINISHED, Lane, RunState, SyncRun
from apps.tenants.context import tenant_context, unrestricted_reading
from benchmarks.report import Figure
from benchmarks.sync_account import Account, connected
from benchmarks.sync_bare import Bare, Listed
from benchmarks.sync_company import BO
from benchmarks.sync_peer import Peer

CHANGES = 100
_SHIPPED = GoogleDrive.capabilities
_UNPACED = 1_000_000
_TRUTHS = 300


@dataclass(frozen=True)
class Amounts:
    """How much is done of what takes long.

    Attributes:
        downloads: files that are downloaded as the indexer does it.
        indexing_s: for how long documents are indexed, for each pace (seconds).
    """

    downloads: int
    indexing_s: float


def all_of(peer: Peer, amounts: Amounts) -> Iterator[Figure]:
    """Sync a company for the first time, again, and follow its changes.

    Args:
        peer: at which the company is; it is changed at the end.
        amounts: of what is measured in part only.
    """
    account, bare = connected(peer.told), Bare(peer)
    with tenant_context(account.tenant):
        schedule.resume_after_stop()
        with _unpaced():
            bare_s, files = bare.list()
            first = _sweep(account, peer)
            again_s, _ = bare.list()
            bare_s = (bare_s + again_s) / 2
            _require_all(account, len(files))
            settings = {"files": len(files), "bare_s": round(bare_s, 2)}
            yield _rate("bare listing", len(files), bare_s, settings)
            yield from _first(first, len(files), bare_s)
            each_s = (bare_s / len(files), first.total_s / len(files))
            chosen = random.Random(1).sample(files, min(amounts.downloads, len(files)))  # noqa: S311
            yield from _downloads(account, peer, bare, chosen, each_s)
        yield from _indexing(account, peer, amounts.indexing_s)
        with _unpaced():
            yield from _later(account, peer, len(files), bare_s)
            yield from _follow(account, peer)
            _require_truth(account, peer)


@dataclass(frozen=True)
class _Work:
    """What syncing took.

    Attributes:
        seconds: by lane.
        requests: of the source, by method.
        processor_s: of this process, without PostgreSQL's.
    """

    seconds: dict[str, float]
    requests: dict[str, int]
    processor_s: float

    @property
    def total_s(self) -> float:
        return sum(self.seconds.values())

    @property
    def asked(self) -> int:
        return sum(self.requests.values())

    @property
    def settings(self) -> dict[str, Any]:
        return {"requests": self.requests, "processor_s": _rounded(self.processor_s)}


def _first(first: _Work, files: int, bare_s: float) -> Iterator[Figure]:
    for lane, seconds in first.seconds.items():
        yield _rate(f"first sweep, lane of {lane}", files, seconds, {})
    rate = _rate("first sweep, both lanes", files, first.total_s, first.settings)
    yield _against(rate, bare_s / first.total_s, "bare listing")
    yield Figure(
        "what its requests would take at the shipped pace",
        _rounded(max(0, first.asked - _SHIPPED.burst) / _SHIPPED.requests_per_s),
        "s",
        settings={"requests": first.asked, "requests_per_s": _SHIPPED.requests_per_s},
    )


def _downloads(
    account: Account,
    peer: Peer,
    bare: Bare,
    chosen: list[Listed],
    listing_s: tuple[float, float],
) -> Iterator[Figure]:
    """Compare downloads alone, and together with what listing took for each file, bare and ours."""
    bare_s = bare.download(chosen) / len(chosen)
    own_s, requests = _download(account, peer, [each.id for each in chosen])
    own_s /= len(chosen)
    yield _rate("bare download", 1, bare_s, {"files": len(chosen)})
    settings = {"files": len(chosen), "requests": requests}
    rate = _rate("download, as indexing does it", 1, own_s, settings)
    yield _against(rate, bare_s / own_s, "bare download")
    asked = sum(requests.values()) / len(chosen)
    yield Figure("requests for each download", _rounded(asked), "requests")
    bare_s, own_s = bare_s + listing_s[0], own_s + listing_s[1]
    rate = _rate("first sweep and download together", 1, own_s, {})
    yield _against(rate, bare_s / own_s, "bare listing and download")


def _download(account: Account, peer: Peer, names: list[str]) -> tuple[float, dict[str, int]]:
    """Read files through connectors as the indexer does, with a new one for each of its turns.

    Returns:
        the seconds it took, and how often each method was asked.
    """
    mark = peer.ask("mark")
    started = turn_began = time.perf_counter()
    connectors = recall.Connectors()
    for name in names:
        if time.perf_counter() - turn_began > indexing.BUDGET_S:
            turn_began, connectors = time.perf_counter(), recall.Connectors()
        with connectors.of(account.connection).open(name) as stream:
            stream.read()
    return time.perf_counter() - started, peer.requests(mark)


def _indexing(account: Account, peer: Peer, budget_s: float) -> Iterator[Figure]:
    # A worker lives for months: its model is loaded.
    embedding_lanes.lanes(embedding.embedder()).embed(["ready?"])
    with _unpaced():
        yield _indexed("downloaded, extracted and indexed", peer, budget_s)
    yield _indexed("the same at the shipped pace", peer, budget_s)


def _indexed(name: str, peer: Peer, budget_s: float) -> Figure:
    states: Counter[str] = Counter()
    mark = peer.ask("mark")
    started = time.perf_counter()
    worker.work_off(budget_s=budget_s, report=lambda outcome: states.update([outcome.state]))
    seconds = time.perf_counter() - started
    settings = {"outcomes": dict(states), "requests": peer.requests(mark)}
    return _rate(name, states["indexed"], seconds, settings)


def _later(account: Account, peer: Peer, files: int, bare_s: float) -> Iterator[Figure]:
    before = _prints(account)
    later = _sweep(account, peer)
    rate = _rate("later sweep, nothing changed", files, later.total_s, later.settings)
    yield _against(rate, bare_s / later.total_s, "bare listing")
    yield Figure("documents to be indexed again after it", _differing(account, before), "", 0)


def _follow(account: Account, peer: Peer) -> Iterator[Figure]:
    """Change half of the chosen files, share the other half, and read the logs once."""
    before = _prints(account)
    chosen = random.Random(2).sample(sorted(before), min(CHANGES, len(before)))  # noqa: S311
    edited, shared = chosen[::2], chosen[1::2]
    for name in edited:
        peer.ask("edit", name, f"# Changed\n\n{name} is another text now.")
    for name in shared:
        peer.ask("share", name, BO)
    with transaction.atomic():
        runs.request(account.connection, Lane.PERMISSIONS, trigger=SyncRun.Trigger.POLL)
    work = _work_off(account, peer)
    if _differing(account, before) != len(edited):
        raise SystemExit(f"{len(edited)} files were changed, {_differing(account, before)} noticed")
    settings = {"edited": len(edited), "shared": len(shared), **work.settings}
    yield _rate("changes followed", len(chosen), work.total_s, settings, unit="changes/s")
    yield Figure("the whole look at the logs", _rounded(work.total_s), "s")


def _sweep(account: Account, peer: Peer) -> _Work:
    with transaction.atomic():
        schedule.request_sweep(account.connection, trigger=SyncRun.Trigger.SCHEDULE)
    return _work_off(account, peer)


def _work_off(account: Account, peer: Peer) -> _Work:
    """Work on all runs to their ends, as a worker does."""
    mark, began = peer.ask("mark"), time.process_time()
    seconds: dict[str, float] = {}
    while _is_unfinished(account):
        for run_id, lane in schedule.claimable_runs()[:1]:
            started = time.perf_counter()
            engine.work(run_id)
            seconds[lane] = seconds.get(lane, 0.0) + time.perf_counter() - started
    return _Work(seconds, peer.requests(mark), time.process_time() - began)


def _is_unfinished(account: Account) -> bool:
    with transaction.atomic():
        own = SyncRun.objects.filter(connection=account.connection)
        bad = own.filter(state__in=(RunState.FAILED, RunState.PARTIAL)).first()
        if bad is not None:
            raise SystemExit(f"a run is {bad.state}: {bad.error}")
        return own.filter(state__in=UNFINISHED).exists()


def _prints(account: Account) -> dict[str, tuple[Any, ...]]:
    """Return of each document what is another one when it is to be indexed again."""
    with transaction.atomic(), unrestricted_reading():
        live = Document.objects.live().filter(connection=account.connection)
        found = live.values_list("external_id", "version", "indexed_version", "indexed_at")
        chunks = Counter(
            Chunk.objects.filter(document__in=live).values_list("document__external_id", flat=True)
        )
        return {name: (*rest, chunks[name]) for name, *rest in found}


def _differing(account: Account, before: dict[str, tuple[Any, ...]]) -> int:
    now = _prints(account)
    return sum(now.get(name) != told for name, told in before.items())


def _require_all(account: Account, files: int) -> None:
    known = len(_prints(account))
    if known != files:
        raise SystemExit(f"{files} files are there, and {known} are known")


def _require_truth(account: Account, peer: Peer) -> None:
    """Hold some documents' readers against the source's own: a fast error is none."""
    with transaction.atomic():
        live = Document.objects.live().filter(connection=account.connection)
        chosen = random.Random(3).sample(list(live.order_by("pk")), min(_TRUTHS, live.count()))  # noqa: S311
    told = peer.ask("readers", [document.external_id for document in chosen])
    for document in chosen:
        for email, person in account.people.items():
            may = email in told[document.external_id]
            with transaction.atomic():
                if access.can_read(person, document) != may:
                    raise SystemExit(f"{email} may read {document.external_id}: {may}, not so here")


@contextmanager
def _unpaced() -> Iterator[None]:
    GoogleDrive.capabilities = replace(_SHIPPED, requests_per_s=_UNPACED, burst=_UNPACED)
    try:
        yield
    finally:
        GoogleDrive.capabilities = _SHIPPED


def _rate(
    name: str, count: int, seconds: float, settings: dict[str, Any], *, unit: str = "items/s"
) -> Figure:
    settings = {**settings, "seconds": _rounded(seconds)}
    return Figure(name, _rounded(count / seconds), unit, settings=settings)


def _against(figure: Figure, ratio: float, peer: str) -> Figure:
    return replace(figure, ratio=_rounded(ratio), peer=peer)


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")
