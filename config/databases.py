"""From a connection URL to Django's DATABASES entry."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

# What every connection starts with. A statement that waits for a lock for half a minute is a fault.
_SESSION = (
    "-c lock_timeout=30s -c idle_in_transaction_session_timeout=120s -c timezone=UTC -c jit=off"
)


def from_url(url: str, *, pool_size: int = 0) -> dict[str, Any]:
    """Return Django's settings for a PostgreSQL URL, sockets and multiple hosts included.

    Args:
        url: `postgresql://user:password@host:port/name?option=value`, as libpq reads it.
        pool_size: connections kept per process at most; 0 leaves pooling off.

    Raises:
        ImproperlyConfigured: libpq does not understand the URL.
    """
    try:
        parts = conninfo_to_dict(url)
    except ProgrammingError as error:
        raise ImproperlyConfigured(
            "The database URL cannot be read; it looks like postgresql://user:password@host/name."
        ) from error
    options: dict[str, Any] = {
        "options": f"{parts.pop('options', '')} {_SESSION}".strip(),
        "application_name": parts.pop("application_name", "kenward"),
    }
    if pool_size:
        options["pool"] = {"min_size": 1, "max_size": pool_size, "timeout": 10}
    entry = {
        "ENGINE": "apps.tenants.postgresql",
        "NAME": parts.pop("dbname", "kenward"),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": str(parts.pop("port", "")),
        "CONN_MAX_AGE": 0,
        "ATOMIC_REQUESTS": True,
    }
    return {**entry, "OPTIONS": {**parts, **options}}
