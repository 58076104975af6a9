"""Short transactions for asynchronous code: opened, used and given back within one call."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from channels.db import database_sync_to_async
from django.db import transaction

P = ParamSpec("P")
T = TypeVar("T")


async def in_transaction(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function in a transaction of its own, on a thread of its own.

    The bound tenant and person come along. The connection goes back to the pool at the end, so
    that none is held while a model streams.
    """

    def run() -> T:
        with transaction.atomic():
            return work(*args, **kwargs)

    # The default, thread-sensitive, would put all sockets of a process on a single thread.
    result: T = await database_sync_to_async(run, thread_sensitive=False)()
    return result
