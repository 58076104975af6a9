"""A source that hangs takes its own threads, and nobody else's."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from apps.documents.live_lines import AT_ONCE, Line


@pytest.fixture
def hanging() -> Iterator[tuple[Line, threading.Event]]:
    """A line whose threads all wait for a source, and what lets them go on."""
    line, answers_again = Line(1), threading.Event()
    asked = [line.ask(lambda: answers_again.wait(10)) for _ in range(AT_ONCE)]
    try:
        assert [each.answer(time.monotonic() + 0.01) for each in asked] == [None] * AT_ONCE
        yield line, answers_again
    finally:
        answers_again.set()


def test_another_source_answers_meanwhile(hanging: tuple[Line, threading.Event]) -> None:
    assert Line(2).ask(lambda: True).answer(time.monotonic() + 5) is True


def test_who_reads_from_it_is_told_no_at_once(hanging: tuple[Line, threading.Event]) -> None:
    line, _ = hanging
    began = time.monotonic()
    assert line.ask(lambda: True).answer(began + 5) is None
    assert time.monotonic() - began < 1


def test_once_it_answers_again_it_is_asked_again(hanging: tuple[Line, threading.Event]) -> None:
    line, answers_again = hanging
    answers_again.set()
    ends_at = time.monotonic() + 5
    while line.ask(lambda: True).answer(ends_at) is None:
        assert time.monotonic() < ends_at
        time.sleep(0.01)


def test_a_fault_and_no_answer_in_time_are_no_yes(caplog: pytest.LogCaptureFixture) -> None:
    def fault() -> bool:
        raise RuntimeError("broken")

    slow = threading.Event()
    line = Line(3)
    assert line.ask(fault).answer(time.monotonic() + 5) is None
    assert line.ask(lambda: slow.wait(10)).answer(time.monotonic() + 0.01) is None
    slow.set()
    assert "live check" in caplog.text
