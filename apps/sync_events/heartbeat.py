"""Says every other second that a run is being worked on, while its pages are fetched."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from uuid import UUID

from django.db import connection

from apps.sync_events import runs


@contextmanager
def beating(run_id: int, token: UUID) -> Iterator[None]:
    """Keep the claim on a run alive for the length of the block.

    A source may take longer to answer than a claim lasts. The thread ends by itself when the claim
    is lost; the next page then finds out in its own transaction.
    """
    done = threading.Event()
    context = copy_context()  # carries the tenant
    thread = threading.Thread(
        target=context.run,
        args=(_beat, run_id, token, done),
        name=f"heartbeat-{run_id}",
        daemon=True,
    )
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _beat(run_id: int, token: UUID, done: threading.Event) -> None:
    try:
        while not done.wait(runs.HEARTBEAT_S):
            if not runs.beat(run_id, token):
                return
    finally:
        connection.close()
