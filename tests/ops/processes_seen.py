"""What the tests of processes ask the kernel."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path


def is_running(pid: int) -> bool:
    """Say whether a process exists and is more than an entry that nobody collected."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def descendants(pid: int) -> set[int]:
    """Return all processes below one."""
    found: set[int] = set()
    for child in children(pid):
        found |= {child} | descendants(child)
    return found


def children(pid: int) -> set[int]:
    """Return the direct children of a process."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
        if parent == pid:
            found.add(int(entry.name))
    return found


def mentioning(text: str) -> set[int]:
    """Return the running processes whose command line or working folder contains a text."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            seen = (entry / "cmdline").read_bytes().decode(errors="replace")
            seen += str((entry / "cwd").readlink())
        except OSError:
            continue
        if text in seen and is_running(int(entry.name)):
            found.add(int(entry.name))
    return found


def eventually(condition: Callable[[], bool], *, within_s: float = 5.0) -> bool:
    """Say whether a condition comes to hold."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()
