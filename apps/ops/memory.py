"""How much memory the embedded PostgreSQL may use, from what the machine has."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_MB = 1 << 20


def ram_bytes() -> int:
    """Return the memory of this machine, or of its container where that is less."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):  # ValueError: the limit reads "max"
        total = min(total, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return total


def postgres_settings(ram: int, *, shared_memory_bytes: int | None = None) -> dict[str, str]:
    """Return PostgreSQL's memory settings.

    Args:
        ram: bytes of memory in all; the web, the workers and the model need their share too.
        shared_memory_bytes: size of /dev/shm, None where there is none. Containers often give it
            64 MB, too little for parallel queries, which then use files instead.
    """
    roomy = shared_memory_bytes is not None and shared_memory_bytes >= 256 * _MB
    return {
        # What PostgreSQL advises; only as much is taken as there are tables and indexes. With less,
        # a search over a million passages reads most of its pages from the system's cache.
        "shared_buffers": _megabytes(ram // 4, least=64, most=8192),
        "effective_cache_size": _megabytes(ram // 2, least=256, most=65536),
        "work_mem": _megabytes(ram // 512, least=4, most=64),
        "maintenance_work_mem": _megabytes(ram // 16, least=64, most=1024),
        "dynamic_shared_memory_type": "posix" if roomy else "mmap",
    }


def shared_memory_bytes() -> int | None:
    """Return the size of /dev/shm, or None where it does not exist."""
    try:
        found = os.statvfs("/dev/shm")  # noqa: S108 - asked for its size only
    except OSError:
        return None
    return found.f_frsize * found.f_blocks


def _megabytes(size_bytes: int, *, least: int, most: int) -> str:
    return f"{min(max(size_bytes // _MB, least), most)}MB"
