"""Starting and ending processes so that none outlives the one that started it."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


@dataclass(frozen=True, kw_only=True)
class ChildSpec:
    """How to start and stop one child.

    Attributes:
        name: the prefix of its lines.
        argv: the program and its arguments.
        env: its whole environment; None inherits ours.
        prepare: runs before each start, so also before a restart.
        log: the file that takes its output; None means a pipe to the parent.
        stop_signal: asks it to end.
        parent_death_signal: what the kernel sends it when the parent dies (Linux).
        stage: at the end, higher stages stop first.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] | None = None
    prepare: Callable[[], None] | None = None
    log: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    parent_death_signal: signal.Signals = signal.SIGKILL
    stage: int = 1


def die_with_parent(parent_pid: int, signal_number: int = signal.SIGKILL) -> None:
    """Have the kernel send this process a signal as soon as its parent dies (Linux only).

    The kernel means the parent's *thread*: start children from a thread that lives as long as you.
    """
    if not sys.platform.startswith("linux"):
        return
    _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal_number))
    if os.getppid() != parent_pid:  # it died before prctl was called
        os._exit(1)


def spawn(spec: ChildSpec) -> subprocess.Popen[bytes]:
    """Start the child as the leader of its own session, so of its own process group."""
    if spec.prepare is not None:
        spec.prepare()
    parent_pid = os.getpid()

    def tie() -> None:
        die_with_parent(parent_pid, spec.parent_death_signal)

    output = None if spec.log is None else _open_log(spec.log)
    try:
        return subprocess.Popen(  # noqa: S603 - argv is ours, no shell
            spec.argv,
            env=None if spec.env is None else dict(spec.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if output is None else output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=tie,  # noqa: PLW1509 - the parent has a single thread when it starts children
        )
    finally:
        if output is not None:
            os.close(output)


def stop(children: Sequence[tuple[ChildSpec, subprocess.Popen[bytes]]], grace_s: float) -> None:
    """Ask these children to end, all at once, and kill what is left after `grace_s` seconds."""
    for spec, process in children:
        ask_to_end(spec, process)
    deadline = time.monotonic() + grace_s
    for _, process in children:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))
        kill_group(process)


def ask_to_end(spec: ChildSpec, process: subprocess.Popen[bytes]) -> None:
    """Send the child its stop signal, unless it has ended already."""
    with suppress(ProcessLookupError):
        process.send_signal(spec.stop_signal)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill the child and everything in its process group, and collect the child."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def leftovers(folder: Path, programs: Collection[str]) -> list[int]:
    """Return the ids of processes that work in `folder` and run one of these programs.

    A process id read from a stale file may meanwhile belong to anybody; a working folder does
    not lie.
    """
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            program = (entry / "exe").readlink().name.removesuffix(" (deleted)")
            if program in programs and (entry / "cwd").readlink() == folder:
                found.append(int(entry.name))
    return found


def kill_leftovers(folder: Path, programs: Collection[str], *, patience_s: float = 5.0) -> None:
    """End what an earlier run left behind in `folder`, so that a new one can take its place.

    Only for a caller that holds the data folder's lock. A server that was told to stop when its
    parent died gets `patience_s` seconds to do so in order.
    """
    folder = folder.resolve()
    deadline = time.monotonic() + patience_s
    while remaining := leftovers(folder, programs):
        if time.monotonic() > deadline:
            for pid in remaining:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


def _open_log(path: Path, *, limit_bytes: int = 10_000_000) -> int:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        if path.stat().st_size > limit_bytes:
            path.replace(path.with_name(path.name + ".1"))
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
