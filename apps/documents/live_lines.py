"""The threads on which sources are asked: each connection has a few of its own.

A call that a source does not answer cannot be ended from outside. So a source that hangs takes its
own threads, and keeps nobody waiting who reads from another one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

log = logging.getLogger(__name__)

# How many questions one source is asked at once.
AT_ONCE: Final = 8

Answer = bool | None


class Line:
    """The way to one source.

    While all of its threads wait for answers that nobody waits for any more, it takes no further
    question: they would only pile up behind them.
    """

    def __init__(self, connection_id: int) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix=f"live-{connection_id}")
        self._stuck: set[Future[Answer]] = set()

    def ask(self, question: Callable[[], Answer]) -> Asked:
        """Put a question, which runs on a thread of the line."""
        if len(self._stuck) < AT_ONCE:
            return Asked(self, self._threads.submit(question))
        refused: Future[Answer] = Future()
        refused.set_result(None)
        return Asked(self, refused)

    def give_up(self, question: Future[Answer]) -> None:
        """Wait for an answer no longer."""
        if not question.cancel():
            self._stuck.add(question)
            question.add_done_callback(self._stuck.discard)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that was put."""

    line: Line
    question: Future[Answer]

    def answer(self, ends_at: float) -> Answer:
        """Return the answer; None where there is none in time.

        Args:
            ends_at: until when it is waited for, by `time.monotonic()`.
        """
        try:
            return self.question.result(max(0.0, ends_at - time.monotonic()))
        except TimeoutError:
            self.line.give_up(self.question)
            return None
        except Exception:  # a fault of a connector must not open anything
            log.exception("live check")
            return None


_lines: dict[int, Line] = {}
_lock = threading.Lock()


def to(connection_id: int) -> Line:
    """Return the line to a connection's source; one per process."""
    with _lock:
        if connection_id not in _lines:
            _lines[connection_id] = Line(connection_id)
        return _lines[connection_id]
