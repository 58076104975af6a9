"""How many processors this process may really use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")


def available(cgroups: Path = _CGROUPS, own: Path = Path("/proc/self/cgroup")) -> int:
    """Return the processors that affinity and the container's quota leave, at least 1.

    Args:
        cgroups: where the control groups are mounted.
        own: the file that names the control group of this process.

    Source: the kernel's documentation, cgroup-v2, `cpu.max`; cgroup-v1, `cpu.cfs_quota_us`.
    """
    allowed = float(len(os.sched_getaffinity(0)))
    return max(1, int(min([allowed, *_quotas(cgroups, own)])))


def _quotas(cgroups: Path, own: Path) -> Iterator[float]:
    """Yield the processors' worth of time that each group above this process may spend."""
    with suppress(OSError, ValueError):  # a file that is absent or reads "max" limits nothing
        quota = int((cgroups / "cpu" / "cpu.cfs_quota_us").read_text())
        if quota > 0:
            yield quota / int((cgroups / "cpu" / "cpu.cfs_period_us").read_text())
    for folder in (cgroups, *_groups(cgroups, own)):
        with suppress(OSError, ValueError):
            quota_us, period_us = (folder / "cpu.max").read_text().split()
            yield int(quota_us) / int(period_us)


def _groups(cgroups: Path, own: Path) -> Iterator[Path]:
    with suppress(OSError):
        for line in own.read_text().splitlines():
            if line.startswith("0::"):
                path = cgroups / line.removeprefix("0::").strip("/")
                yield from (path, *(each for each in path.parents if each.is_relative_to(cgroups)))
