"""pytest plugin: every process of tests gets its own PostgreSQL and Redis, which end with it.

Loaded with `-p`, so that the addresses stand in the environment before Django reads its settings.
Processes of one run (pytest-xdist) share no server, where the transactions of one would hold back
what the snapshots of the other show.
`KENWARD_TEST_DATABASE_URL`, `KENWARD_TEST_DATABASE_APP_URL` and `KENWARD_TEST_REDIS_URL`, all three
set, name servers to use instead of the embedded ones, by one process.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path

import pytest

from apps.ops import embedded
from apps.ops.embedded_paths import APPLICATION, OWNER, postgres_url, redis_url

_NAMES = ("DATABASE_URL", "DATABASE_APP_URL", "REDIS_URL")
_PREFIX = "kenward-tests-"
# A test must not reach a model that happens to be configured on the developer's machine.
_FOREIGN = ("LLM_", "EMBEDDING_", "DATABASE_", "REDIS_", "DJANGO_SETTINGS_MODULE")
_MOST_WORKERS = 8
# Emptying the tables replaces some 400 files after each test that commits: five times as fast in
# memory as on a disk.
_MEMORY = Path("/dev/shm")  # noqa: S108  the folders in it are private, as `mkdtemp` makes them
_ROOM_BYTES = 2 << 30
# What is slow to make and never changes is kept between runs.
_KEPT = Path(__file__).resolve().parents[1] / ".pytest_cache" / "kenward-models"


class Services:
    """The servers of one process of tests, in a folder that only it uses."""

    def __init__(self) -> None:
        self.stack = ExitStack()
        self.data_dir = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_place()))
        lock = (self.data_dir / "run.lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
        self.stack.callback(shutil.rmtree, self.data_dir, ignore_errors=True)
        self.stack.callback(lock.close)
        _KEPT.mkdir(parents=True, exist_ok=True)
        (self.data_dir / "models").symlink_to(_KEPT)

    def addresses(self) -> dict[str, str]:
        """Return the environment that leads to these servers."""
        if _are_outside():
            return {name: os.environ[f"KENWARD_TEST_{name}"] for name in _NAMES}
        found = (
            postgres_url(self.data_dir, OWNER),
            postgres_url(self.data_dir, APPLICATION),
            redis_url(self.data_dir),
        )
        return dict(zip(_NAMES, found, strict=True))

    def start(self) -> None:
        """Start the servers, unless outside ones were named; they stop with the stack."""
        if not _are_outside():
            self.stack.enter_context(embedded.running(self.data_dir, for_tests=True))


def _place() -> Path:
    """Return where the servers' files lie: in memory, where there is room."""
    try:
        has_room = shutil.disk_usage(_MEMORY).free > _ROOM_BYTES
    except OSError:
        has_room = False
    return _MEMORY if has_room else Path(tempfile.gettempdir())


def _are_outside() -> bool:
    return all(os.environ.get(f"KENWARD_TEST_{name}") for name in _NAMES)


def _remove_abandoned() -> None:
    """Remove the folders of runs that were killed: those whose lock is free."""
    places = (Path(tempfile.gettempdir()), _MEMORY)
    for folder in chain.from_iterable(place.glob(f"{_PREFIX}*") for place in places):
        try:
            with (folder / "run.lock").open("r") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # in use, somebody else's, or not yet locked
            continue


def _prepare_environment(services: Services) -> None:
    for name in list(os.environ):
        if name.startswith(_FOREIGN):
            del os.environ[name]
    os.environ |= services.addresses()
    os.environ["KENWARD_DATA_DIR"] = str(services.data_dir)
    os.environ["KENWARD_ENV"] = "development"


_is_first = "PYTEST_XDIST_WORKER" not in os.environ
# Only the first process tidies: the folder of a worker that starts just now is not locked yet.
if _is_first:
    _remove_abandoned()
_services = Services()
_prepare_environment(_services)
if _is_first:
    os.environ["KENWARD_TEST_RUN_DIR"] = str(_services.data_dir)


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return how many processes share a run; a few named files run in this one, which is sooner."""
    is_whole = config.args_source is config.ArgsSource.TESTPATHS and not config.option.keyword
    if not is_whole or _are_outside():
        return 0
    return min(len(os.sched_getaffinity(0)), _MOST_WORKERS)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Start the servers where tests run, but for questions about pytest itself."""
    if config.option.collectonly or config.option.help or config.option.markers:
        return
    if config.getoption("dist", "no") == "no":
        _services.start()
    elif _are_outside():
        raise pytest.UsageError("KENWARD_TEST_* names servers for one process: use -n 0.")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Iterator[None]:
    """Stop the servers after everything that pytest does."""
    with _services.stack:
        return (yield)
