"""An embedded database of its own for a benchmark, set up before Django reads its settings."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from apps.ops import embedded
from apps.ops.embedded_paths import APPLICATION, OWNER, postgres_url, redis_url


@contextmanager
def database() -> Iterator[None]:
    """Run the services in a folder that is removed afterwards; see `database_in`."""
    folder = tempfile.TemporaryDirectory(prefix="kenward-benchmark-")
    with folder as name, database_in(Path(name)):
        yield


@contextmanager
def database_in(
    data_dir: Path, *, once_it_answers: Callable[[Path], None] | None = None
) -> Iterator[None]:
    """Run PostgreSQL, as durable as in production, and Redis; migrate, and set Django up.

    Import nothing that needs Django before the block.

    Args:
        data_dir: where the servers keep their files; used again, it holds what was written.
        once_it_answers: called with the folder before anything is written.
    """
    os.environ |= {
        "DATABASE_URL": postgres_url(data_dir, OWNER),
        "DATABASE_APP_URL": postgres_url(data_dir, APPLICATION),
        "REDIS_URL": redis_url(data_dir),
        "KENWARD_DATA_DIR": str(data_dir),
        "KENWARD_ENV": "development",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    with embedded.running(data_dir):
        if once_it_answers is not None:
            once_it_answers(data_dir)
        import django
        from django.core.management import call_command
        from django.db import connections

        django.setup()
        call_command("migrate", database="owner", verbosity=0, interactive=False)
        try:
            yield
        finally:
            connections.close_all()


def warm() -> None:
    """Read the database's files once: a server that runs has them in the system's memory."""
    for path in Path(os.environ["KENWARD_DATA_DIR"]).rglob("base/**/*"):
        if path.is_file():
            with path.open("rb") as file:
                while file.read(1 << 24):
                    continue
