"""How fast a source is asked, counted for all processes together."""

from __future__ import annotations

import threading
import time
from uuid import uuid4

import pytest
from django.conf import LazySettings

from apps.connections import pace
from apps.connections.errors import SourceUnavailable
from apps.connections.pace import Pace


def test_a_burst_goes_at_once_and_the_rest_at_the_rate() -> None:
    one = Pace(uuid4().hex, 10.0, 5)
    assert [one.wait_s() for _ in range(5)] == [0.0] * 5
    wait_s = one.wait_s()
    assert 0 < wait_s <= 0.1
    time.sleep(wait_s + 0.01)
    assert one.wait_s() == 0


def test_threads_together_keep_to_one_rate() -> None:
    name, sent = uuid4().hex, []

    def ask() -> None:
        one = Pace(name, 50.0, 1)
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            wait_s = one.wait_s()
            if wait_s:
                time.sleep(wait_s)
            else:
                sent.append(time.monotonic())

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 10 < len(sent) <= 52


def test_connections_do_not_share_a_pace() -> None:
    first, second = Pace(uuid4().hex, 1.0, 1), Pace(uuid4().hex, 1.0, 1)
    assert first.wait_s() == 0
    assert first.wait_s() > 0
    assert second.wait_s() == 0


def test_whoever_is_asked_to_rest_makes_all_rest() -> None:
    name = uuid4().hex
    Pace(name, 100.0, 10).rest(30)
    assert 29 < Pace(name, 100.0, 10).wait_s() <= 30


def test_failures_in_a_row_open_the_circuit_and_an_answer_closes_it() -> None:
    name = uuid4().hex
    for _ in range(pace.FAILURES - 1):
        Pace(name, 100.0, 10).failed()
    assert Pace(name, 100.0, 10).wait_s() == 0
    Pace(name, 100.0, 10).failed()
    with pytest.raises(SourceUnavailable, match="several times in a row"):
        Pace(name, 100.0, 10).wait_s()
    other = Pace(uuid4().hex, 100.0, 10)
    for _ in range(pace.FAILURES - 1):
        other.failed()
    other.succeeded()
    other.failed()
    assert other.wait_s() == 0


def test_without_redis_nothing_is_sent(settings: LazySettings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    pace._client.cache_clear()
    try:
        with pytest.raises(SourceUnavailable, match="sends none"):
            Pace(uuid4().hex, 1.0, 1).wait_s()
        Pace(uuid4().hex, 1.0, 1).failed()  # counts nothing, and breaks nothing
    finally:
        pace._client.cache_clear()
