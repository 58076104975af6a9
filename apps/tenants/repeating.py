"""Repeats a small act beside a block of work: how claims are kept alive while a source is slow."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context

from django.db import connections


@contextmanager
def repeating(act: Callable[[], bool], *, every_s: float, name: str) -> Iterator[None]:
    """Call an act again and again for the length of the block, for the bound tenant.

    It runs in a thread of its own, so that it goes on while the block waits for something, with a
    database connection for each call. Leaving the block waits for an act that is under way.

    Args:
        act: opens its own transaction and returns whether to go on.
        every_s: seconds before the first call, and between two.
        name: the thread's.
    """
    is_over = threading.Event()
    thread = threading.Thread(
        target=copy_context().run,  # carries the tenant
        args=(_repeat, act, every_s, is_over),
        name=name,
        daemon=True,
    )
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _repeat(act: Callable[[], bool], every_s: float, is_over: threading.Event) -> None:
    try:
        while not is_over.wait(every_s):
            if not act():
                return
            connections.close_all()  # back to the pool, which others need meanwhile
    finally:
        connections.close_all()
