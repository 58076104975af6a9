"""What `up` runs besides the embedded services: web, workers, beat and the folder watcher."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings

from apps.ops import sandbox_sources, workers
from apps.ops.processes import ChildSpec

# The owner's address stays with `up`: whatever serves people cannot change the schema.
_WITHHELD = ("DATABASE_URL", "DATABASE_URL_FILE")
# When root starts it, Celery warns at length of what pickle could do; here only JSON is accepted.
_NO_WARNING = ("-W", "ignore:You're running the worker with superuser privileges")
_CELERY = (*_NO_WARNING, "-m", "celery", "--app", "config", "--quiet", "--skip-checks")


def web(host: str, port: int, environment: dict[str, str]) -> ChildSpec:
    """Return how to start the web server."""
    arguments = ["-m", "uvicorn", "config.asgi:application", "--host", host, "--port", str(port)]
    arguments += ["--no-access-log", "--lifespan", "off", "--log-level", "warning"]
    # What a proxy says of a client is weighed by KENWARD_TRUSTED_PROXIES alone.
    arguments += ["--no-proxy-headers"]
    # Compression doubles the memory of an idle socket; answers are short.
    arguments += ["--ws-per-message-deflate", "false", "--timeout-graceful-shutdown", "3"]
    return _python("web", arguments, environment)


def sandbox(data_dir: Path, web_port: int, environment: dict[str, str]) -> ChildSpec:
    """Return how to start the simulated sources, which forget everything when they end.

    Args:
        data_dir: gets the file with their keys.
        web_port: where people are sent back to after consent.
        environment: of all children.
    """
    arguments = ["manage.py", "sandbox", "--port", str(sandbox_sources.port_beside(web_port))]
    arguments += ["--keys", str(sandbox_sources.keys_file(data_dir))]
    for host in ("127.0.0.1", "localhost"):
        arguments += ["--redirect-uri", f"http://{host}:{web_port}/connectors/oauth/callback"]
    return _python("sandbox", arguments, environment)


def background(environment: dict[str, str]) -> list[ChildSpec]:
    """Return how to start everything that works without being asked."""
    return [
        # Apart from content, which may wait long for a source: nothing delays a revocation. Threads
        # mostly wait, too, for sources that let themselves be asked seldom: so there are several.
        _worker("worker-permissions", "permissions", 8, environment),
        _worker("worker-sync", "sync", 8, environment),
        _worker("worker-index", "index", 1, environment),
        # Its threads wait for other people's servers: none of them is one that syncs need.
        _worker("worker-webhooks", "webhooks", 8, environment),
        _python("beat", [*_CELERY, "beat", "--pidfile=", "--loglevel", "WARNING"], environment),
        _python("watcher", ["manage.py", "watch_folders"], environment),
    ]


def environment(data_dir: Path) -> dict[str, str]:
    """Return the environment of the children.

    Args:
        data_dir: the data folder, absolute.
    """
    given = {
        "DATABASE_APP_URL": settings.DATABASE_APP_URL,
        "REDIS_URL": settings.REDIS_URL,
        "KENWARD_DATA_DIR": str(data_dir),
        "PYTHONUNBUFFERED": "1",
    }
    withheld = {*_WITHHELD, *(f"{name}_FILE" for name in given)}
    return {k: v for k, v in os.environ.items() if k not in withheld} | given


def _worker(name: str, queues: str, threads: int, environment: dict[str, str]) -> ChildSpec:
    options = [
        "--queues",
        queues,
        "--pool",
        "threads",  # they wait for the database, for child processes and for the model
        "--concurrency",
        str(threads),
        "--hostname",
        f"{name}@{workers.HOST}",
    ]
    options += ["--without-gossip", "--without-mingle", "--loglevel", "WARNING"]
    return _python(name, [*_CELERY, "worker", *options], environment)


def _python(name: str, arguments: Sequence[str], environment: dict[str, str]) -> ChildSpec:
    return ChildSpec(name=name, argv=(sys.executable, *arguments), env=environment)
