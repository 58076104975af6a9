"""The folder that holds everything Kenward keeps, and the lock that one `up` at a time has."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from apps.ops.errors import AlreadyRunning, DataFolderUnusable

_LEAST_FREE_BYTES = 300_000_000
_STARTED = "started"


def prepare(data_dir: Path) -> None:
    """Make the folder, private to this user, and prove that it can be written.

    Raises:
        DataFolderUnusable: it cannot be made or written, or its disk is nearly full.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        _refuse_foreign(data_dir)
        if data_dir.stat().st_mode & 0o066:
            data_dir.chmod(0o700)
        probe = data_dir / "write-probe"
        probe.write_bytes(b"kenward")
        probe.unlink()
    except OSError as error:
        raise DataFolderUnusable(
            f"The data folder {data_dir} cannot be used: {error.strerror}.",
            hint="Choose another folder with --data-dir, or KENWARD_DATA_DIR.",
        ) from error
    free = shutil.disk_usage(data_dir).free
    if free < _LEAST_FREE_BYTES:
        raise DataFolderUnusable(
            f"The disk of the data folder {data_dir} has only {free // 1_000_000} MB left.",
            hint=f"Free {_LEAST_FREE_BYTES // 1_000_000} MB, or choose another folder with"
            " --data-dir.",
        )


@contextmanager
def locked(data_dir: Path) -> Iterator[None]:
    """Hold the folder while the block runs; the kernel lets go of it however this process ends.

    Raises:
        AlreadyRunning: another process holds it.
    """
    with os.fdopen(os.open(data_dir / "up.lock", os.O_RDWR | os.O_CREAT, 0o600), "r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunning(
                f"Kenward already runs on {data_dir} (process {lock.read().strip() or 'unknown'}).",
                hint="Stop it first, or choose another folder with --data-dir and another --port.",
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def was_started(data_dir: Path) -> bool:
    """Say whether an earlier run got as far as a complete database."""
    return (data_dir / _STARTED).exists()


def mark_started(data_dir: Path) -> None:
    """Remember that the very first start is over."""
    (data_dir / _STARTED).touch()


def _refuse_foreign(data_dir: Path) -> None:
    found = data_dir.stat()
    if found.st_uid != os.geteuid():
        raise DataFolderUnusable(
            f"The data folder {data_dir} belongs to another user (number {found.st_uid}).",
            hint="Start Kenward as that user, or choose another folder with --data-dir.",
        )
