"""How many processors may be used, inside containers too."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from apps.search.embeddings import processors

CORES = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, CORES),
        ({"cpu.max": "max 100000"}, CORES),
        ({"cpu.max": "100000 100000"}, 1),
        ({"cpu.max": "20000 100000"}, 1),
        ({"cpu.max": "9900000 100000"}, CORES),
        ({"cpu.max": "max 100000", "a/b/cpu.max": "100000 100000"}, 1),
        ({"a/cpu.max": "100000 100000", "a/b/cpu.max": "max 100000"}, 1),
        ({"other/cpu.max": "100000 100000"}, CORES),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, CORES),
        ({"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, 1),
    ],
)
def test_the_narrowest_quota_counts(tmp_path: Path, files: dict[str, str], expected: int) -> None:
    own = tmp_path / "own"
    own.write_text("1:cpu:/x\n0::/a/b\n")
    cgroups = tmp_path / "cgroup"
    for name, content in files.items():
        (cgroups / name).parent.mkdir(parents=True, exist_ok=True)
        (cgroups / name).write_text(content)
    assert processors.available(cgroups, own) == expected


def test_without_any_control_group_affinity_counts(tmp_path: Path) -> None:
    assert processors.available(tmp_path / "none", tmp_path / "nothing") == CORES
