"""`up` as a whole: real processes, from the first line to the last, and what is left of them."""

from __future__ import annotations

import os
import queue
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Self
from urllib.parse import quote

import psycopg
import pytest

from apps.ops import embedded, embedded_paths
from apps.ops.embedded_paths import APPLICATION, OWNER
from tests.ops.processes_seen import children, descendants, eventually, is_running, mentioning
from tests.ports import free_port

REPOSITORY = Path(__file__).resolve().parents[2]
NOBODY = 65534
# Generous: the machine that runs this may be busy with other tests.
LONG_S = 90.0


def environment(**extra: str) -> dict[str, str]:
    foreign = ("DATABASE_", "REDIS_", "KENWARD_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, "PYTHONUNBUFFERED": "1", **extra}


class Up:
    """A running `up`; leaving the block kills whatever is left of it."""

    def __init__(
        self,
        data_dir: Path,
        *options: str,
    ) -> None:
        self.data_dir, self.port = data_dir, free_port()
        self.lines: list[str] = []
        self._queue: queue.Queue[str | None] = queue.Queue()
        arguments = ["up", "--data-dir", str(data_dir), "--port", str(self.port), *options]
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=REPOSITORY,
            env=environment(HOME=str(data_dir)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._queue.put(line.rstrip("\n"))
        self._queue.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        assert eventually(lambda: not mentioning(str(self.data_dir)), within_s=15)
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def wait_for(self, start: str, *, within_s: float = LONG_S) -> str:
        """Return the next line that starts like this."""
        deadline = time.monotonic() + within_s
        while (left_s := deadline - time.monotonic()) > 0:
            try:
                line = self._queue.get(timeout=left_s)
            except queue.Empty:
                break
            if line is None:
                break
            self.lines.append(line)
            if line.startswith(start):
                return line
        raise AssertionError(f"no line {start!r}, but:\n" + "\n".join(self.lines))

    def stop(self, how: signal.Signals) -> float:
        """Send a signal and return after how many seconds it ended."""
        began = time.monotonic()
        self.process.send_signal(how)
        self.process.wait(30)
        return time.monotonic() - began

    def child(self, name: str) -> int:
        """Return the process id of a child, known by its command line."""
        marks = {"postgres": "postgres\0-D", "redis": "redis-server", "web": "uvicorn"}
        marks |= {"beat": "\0beat", "watcher": "watch_folders"}
        mark = marks.get(name, f"{name}@").encode()
        for pid in children(self.process.pid):
            with suppress(FileNotFoundError, ProcessLookupError):  # it ended just now
                if mark in Path(f"/proc/{pid}/cmdline").read_bytes():
                    return pid
        return 0


def run(data_dir: Path, *options: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run an `up` that cannot start, to its end."""
    return subprocess.run(
        [sys.executable, "manage.py", "up", "--data-dir", str(data_dir), *options],
        cwd=REPOSITORY,
        env=environment(**extra),
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )


def count(data_dir: Path, table: str) -> int:
    with psycopg.connect(embedded_paths.postgres_url(data_dir, OWNER)) as connection:
        row = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.slow
def test_it_stops_within_ten_seconds_and_starts_again_with_everything_there(tmp_path: Path) -> None:
    with Up(tmp_path) as up:
        serving = up.wait_for("serving ")
        assert serving == f"serving http://127.0.0.1:{up.port}"
        up.wait_for("  e-mail")
        signins = [up.wait_for("  ") for _ in range(14)]
        assert all(len(line.split()) == 4 for line in signins)
        assert up.wait_for("ready ") == f"ready http://127.0.0.1:{up.port}"
        people = count(tmp_path, "accounts_user")
        below = descendants(up.process.pid)
        assert up.stop(signal.SIGINT) < 10
        assert up.process.returncode == 0
        assert not any(map(is_running, below))
        assert not mentioning(str(tmp_path))
    with Up(tmp_path) as up:
        up.wait_for("serving ")
        up.wait_for("ready ")
        assert not [line for line in up.lines if line.startswith("  ")]
        assert count(tmp_path, "accounts_user") == people == 13
        assert up.stop(signal.SIGTERM) < 10
        assert up.process.returncode == 0


@pytest.mark.slow
def test_killed_children_come_back_and_a_killed_up_leaves_nothing(tmp_path: Path) -> None:
    names = (
        "worker-permissions", "worker-sync", "beat", "watcher", "worker-index", "worker-webhooks",
        "web", "redis", "postgres",
    )  # fmt: skip
    with Up(tmp_path, "--no-sample") as up:
        up.wait_for("ready ")
        for name in names:
            killed = up.child(name)
            below = descendants(killed)
            os.kill(killed, signal.SIGKILL)
            up.wait_for(f"[up] {name} ended (signal 9)")
            assert eventually(lambda: up.child(name) not in (0, killed), within_s=15)  # noqa: B023
            assert not any(map(is_running, below))
        below = descendants(up.process.pid)
        assert len(below) >= len(names)
        up.process.kill()
        assert eventually(lambda: not any(map(is_running, below)), within_s=10)
    with Up(tmp_path) as up:
        up.wait_for("ready ")


@pytest.mark.slow
def test_a_child_that_keeps_dying_ends_it(tmp_path: Path) -> None:
    with Up(tmp_path, "--no-sample") as up:
        up.wait_for("serving ")
        for _ in range(5):
            assert eventually(lambda: up.child("beat") != 0, within_s=15)
            os.kill(up.child("beat"), signal.SIGKILL)
            assert eventually(lambda: up.child("beat") == 0)
        up.wait_for("kenward: beat ended 5 times within a minute")
        assert up.process.wait(15) == 1


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Up]:
    with Up(tmp_path / "running", "--no-sample") as up:
        up.wait_for("serving ")
        yield up


@pytest.mark.slow
def test_a_second_up_and_a_taken_port_are_told(running: Up, tmp_path: Path) -> None:
    second = run(running.data_dir, "--port", str(free_port()))
    assert second.returncode == 2
    assert f"already runs on {running.data_dir} (process {running.process.pid})" in second.stderr
    taken = run(tmp_path / "other", "--port", str(running.port))
    assert taken.returncode == 2
    assert f"Port {running.port} is in use" in taken.stderr
    assert f"--port {running.port + 1}" in taken.stderr
    assert "Traceback" not in second.stderr + taken.stderr


@pytest.mark.slow
def test_children_know_the_applications_address_but_not_the_owners(running: Up) -> None:
    running.wait_for("ready ")
    seen = 0
    for pid in descendants(running.process.pid):
        variables = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")
        names = dict(each.partition("=")[::2] for each in variables)
        assert OWNER not in str(names)
        seen += APPLICATION in names.get("DATABASE_APP_URL", "")
    assert seen >= 5
    assert stat.S_IMODE(running.data_dir.stat().st_mode) == 0o700


def test_a_data_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    result = run(tmp_path / "file")
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert str(tmp_path / "file") in result.stderr
    assert "--data-dir" in result.stderr


def test_a_folder_that_does_not_exist_is_told(tmp_path: Path) -> None:
    result = run(tmp_path / "data", "--port", str(free_port()), "--folder", str(tmp_path / "none"))
    assert result.returncode == 2
    assert "There is no folder" in result.stderr


def test_an_outside_database_without_the_extension_gets_its_sql(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    with embedded.running(outside, for_tests=True):
        host = quote(str(embedded_paths.socket_dir(outside)), safe="")
        with psycopg.connect(f"postgresql://postgres@/postgres?host={host}", autocommit=True) as c:
            c.execute("CREATE DATABASE bare OWNER kenward_owner TEMPLATE template0")
        result = run(
            tmp_path / "data",
            "--port",
            str(free_port()),
            DATABASE_URL=f"postgresql://{OWNER}@/bare?host={host}",
            DATABASE_APP_URL=f"postgresql://{APPLICATION}@/bare?host={host}",
        )
    assert result.returncode == 2
    assert "    CREATE EXTENSION vector;" in result.stderr.splitlines()
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "data" / "postgres").exists()
