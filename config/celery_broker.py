"""From REDIS_URL to the form that Celery's transport reads."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit


def broker_url(redis_url: str) -> str:
    """Return the broker's URL for a Redis URL.

    Kombu knows unix sockets as `redis+socket://path?virtual_host=db`, everything else as redis-py.

    Args:
        redis_url: `redis://`, `rediss://` or `unix://`.
    """
    parts = urlsplit(redis_url)
    if parts.scheme != "unix":
        return redis_url
    database = parse_qs(parts.query).get("db", ["0"])[0]
    return f"redis+socket://{parts.path}?virtual_host={database}"
