"""The Celery workers: their names, and whether they answer."""

from __future__ import annotations

import kombu.exceptions
import redis
from celery import current_app

# The part of their names that Celery takes from the machine, whose name can change while they run.
HOST = "kenward"
NAMES = ("worker-permissions", "worker-sync", "worker-index", "worker-webhooks")
_QUEUES = {"permissions", "sync", "index", "webhooks"}


def do_answer(*, timeout_s: float = 1.0) -> bool:
    """Say whether every queue has a worker that answers.

    Args:
        timeout_s: how long to wait for answers; they come within milliseconds from idle workers.
    """
    try:
        found = current_app.control.inspect(timeout=timeout_s, limit=len(NAMES)).active_queues()
    except (kombu.exceptions.OperationalError, redis.RedisError, OSError):
        return False  # Redis does not answer either
    served = {queue["name"] for queues in (found or {}).values() for queue in queues}
    return served >= _QUEUES
