"""PostgreSQL and Redis as children of the process that needs them: for `up` and for tests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from apps.ops import embedded_postgres, embedded_redis, processes
from apps.ops.errors import CannotStart
from apps.ops.processes import ChildSpec

Readiness = Callable[[Path], bool]


def services(
    data_dir: Path, *, postgres: bool = True, redis: bool = True, for_tests: bool = False
) -> list[tuple[ChildSpec, Readiness]]:
    """Return the wanted services and, for each, the function that says whether it answers."""
    wanted: list[tuple[ChildSpec, Readiness]] = []
    if redis:
        child = embedded_redis.child(data_dir, for_tests=for_tests)
        wanted.append((child, embedded_redis.is_answering))
    if postgres:
        child = embedded_postgres.child(data_dir, for_tests=for_tests)
        wanted.append((child, embedded_postgres.is_answering))
    return wanted


@contextmanager
def running(data_dir: Path, *, for_tests: bool = False) -> Iterator[None]:
    """Run both services, without supervision, while the block runs.

    Raises:
        CannotStart: one of them ended or did not answer within 30 s.
    """
    started = []
    try:
        wanted = services(data_dir, for_tests=for_tests)
        for spec, _ in wanted:
            started.append((spec, processes.spawn(spec)))
        deadline = time.monotonic() + 30
        for (spec, process), (_, is_answering) in zip(started, wanted, strict=True):
            while not is_answering(data_dir):
                if process.poll() is not None or time.monotonic() > deadline:
                    log = spec.log.read_text(errors="replace")[-2000:] if spec.log else ""
                    raise CannotStart(f"The {spec.name} server did not start.", hint=log)
                time.sleep(0.02)
        yield
    finally:
        processes.stop(started, grace_s=5)
