"""Word of a run is handed over at once, whatever becomes of it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import override_settings

from apps.sync_events import channel_thread


@pytest.fixture(autouse=True)
def _all_sent() -> Iterator[None]:
    """Leave nothing on its way to a Redis that ends with the tests."""
    yield
    taken = [channel_thread._room.acquire(timeout=10) for _ in range(channel_thread.MOST)]
    for _ in range(sum(taken)):
        channel_thread._room.release()
    assert all(taken), "messages were never sent"


def test_many_messages_cost_their_sender_little_and_no_memory() -> None:
    channel_thread.send_soon("sync-0", {"type": "run.changed", "run": 0})
    started = time.perf_counter()
    for number in range(5_000):
        channel_thread.send_soon("sync-0", {"type": "run.changed", "run": number})
    assert time.perf_counter() - started < 3


def test_an_absent_redis_is_logged_and_raises_nothing(caplog: pytest.LogCaptureFixture) -> None:
    layer = {**settings.CHANNEL_LAYERS["default"], "CONFIG": {"hosts": ["redis://127.0.0.1:9/0"]}}
    with override_settings(CHANNEL_LAYERS={"default": layer}):
        channel_thread.send_soon("sync-0", {"type": "run.changed", "run": 1})
        deadline = time.monotonic() + 8
        while "open pages were not told" not in caplog.text and time.monotonic() < deadline:
            time.sleep(0.05)
    assert "open pages were not told" in caplog.text


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_worker_sends_on_a_thread_of_its_own() -> None:
    channel_thread.send_soon("sync-0", {"type": "run.changed", "run": 1})
    child = os.fork()
    if child == 0:
        sending = channel_thread._running_loop()
        os._exit(0 if sending.is_running() or _starts(sending) else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def _starts(loop: object) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if loop.is_running():  # type: ignore[attr-defined]
            return True
        time.sleep(0.01)
    return False
