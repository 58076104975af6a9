"""Syncs that write beside what is measured: pages left open for a while, or one after the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial

from django.db import connections, transaction
from django.utils import timezone

from apps.acls import record
from apps.connections.protocol import PrincipalKind, RemoteAcl, RemoteEntry, RemotePrincipal
from benchmarks.big_tenant import REALM


@contextmanager
def open_pages(number: int) -> Iterator[None]:
    """Keep a number of transactions open that have written a page of a sync each."""
    with _threads([partial(_hold_page, n) for n in range(number)]):
        yield


def _hold_page(number: int, stop: threading.Event) -> None:
    turn = 0
    while not stop.is_set():
        turn += 1
        with transaction.atomic():
            _write_page(number, turn)
            stop.wait(0.3)


@contextmanager
def syncing() -> Iterator[None]:
    """Write pages of two syncs one after the other, as fast as they go."""

    def sync(number: int, stop: threading.Event) -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            with transaction.atomic():
                _write_page(number, turn)
            stop.wait(0.05)

    with _threads([partial(sync, n) for n in range(2)]):
        yield


def _write_page(number: int, turn: int) -> None:
    """Change the readers of twenty places, among people whom nobody asks for."""
    acls = []
    for n in range(20):
        person = RemotePrincipal(PrincipalKind.USER, str(500 + (turn * 20 + n) % 400))
        acls.append(RemoteAcl(f"synced-{number}-{n}", "synced", entries=(RemoteEntry(person),)))
    record.apply(REALM, acls=acls, observed_at=timezone.now())


@contextmanager
def _threads(works: list[Callable[[threading.Event], None]]) -> Iterator[None]:
    stop = threading.Event()

    def run(work: Callable[[threading.Event], None]) -> None:
        try:
            work(stop)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=copy_context().run, args=(run, work)) for work in works]
    for thread in threads:
        thread.start()
    time.sleep(0.5 if threads else 0)
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
