"""Where readable sets wait for the next request: Redis. A cache that fails is an empty cache."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

import redis
from django.conf import settings

from apps.acls.readable import ReadableSet

logger = logging.getLogger(__name__)

_FLIGHT_S = 2  # after this long a computation counts as lost
_PATIENCE_S = 0.3  # how long to wait for somebody else's computation
_POLL_S = 0.01


@functools.cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)


def key(incarnation: str, tenant_id: int, user_id: int) -> str:
    """Return where a person's set lies; another incarnation never finds it."""
    return f"kenward:readable:{incarnation}:{tenant_id}:{user_id}"


def get(name: str) -> ReadableSet | None:
    """Return the stored set, or None."""
    try:
        stored = _client().get(name)
    except redis.RedisError as error:
        logger.warning("readable sets: Redis does not answer (%s)", error)
        return None
    return ReadableSet.from_bytes(stored) if isinstance(stored, bytes) else None


def put(name: str, readable: ReadableSet) -> None:
    """Store a set for as long as it can be valid."""
    life = readable.valid_until - readable.computed_at
    life_ms = int(life.total_seconds() * 1000)
    if life_ms <= 0:
        return
    try:
        _client().set(name, readable.to_bytes(), px=life_ms)
    except redis.RedisError as error:
        logger.warning("readable sets: Redis does not answer (%s)", error)


def drop(name: str) -> None:
    """Remove a set."""
    try:
        _client().delete(name)
    except redis.RedisError as error:
        logger.warning("readable sets: Redis does not answer (%s)", error)


@contextmanager
def flight(name: str) -> Iterator[bool]:
    """Let one request at a time compute a set; yield whether it is this one."""
    lock = _client().lock(f"{name}:flight", timeout=_FLIGHT_S)
    try:
        leads = bool(lock.acquire(blocking=False))
    except redis.RedisError:
        leads, lock = True, None
    try:
        yield leads
    finally:
        if leads and lock is not None:
            _release(lock)


def _release(lock: redis.lock.Lock) -> None:
    try:
        lock.release()
    except redis.RedisError:  # it ran out, or Redis is gone
        logger.info("readable sets: a computation took longer than %s s", _FLIGHT_S)


def wait_for_other(name: str, refused: ReadableSet | None) -> ReadableSet | None:
    """Return the set that somebody else is computing, or None when it takes too long.

    Args:
        name: where it will lie.
        refused: the set that is known to be of no use.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        time.sleep(_POLL_S)
        found = get(name)
        if found and (refused is None or found.snapshot != refused.snapshot):
            return found
    return None
