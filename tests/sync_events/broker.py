"""The tasks that wait in the broker, for tests of what is sent to workers."""

from __future__ import annotations

from typing import Any

from celery import current_app


def sent(queue: str = "sync") -> list[tuple[str, list[Any]]]:
    """Take all tasks that wait in a queue: their names and arguments."""
    found = []
    with current_app.connection_for_read() as broker:
        waiting = broker.SimpleQueue(queue)
        try:
            while True:
                message = waiting.get(block=False)
                found.append((message.headers["task"], message.payload[0]))
                message.ack()
        except waiting.Empty:
            return found
        finally:
            waiting.close()
