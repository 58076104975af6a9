"""The README's first command, from a fresh clone, where neither Redis nor Node.js is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.running import ROOT, Running

pytestmark = pytest.mark.slow

NOBODY = 65534
ABSENT = {"redis-server", "valkey-server", "node", "npm", "npx", "psql", "postgres", "docker"}


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """Return a folder with every program of this machine but those."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for directory in os.environ["PATH"].split(":"):
        for program in sorted(Path(directory).glob("*")):
            link = folder / program.name
            if program.name not in ABSENT and not link.exists():
                link.symlink_to(program)
    return folder


def test_one_command_from_a_fresh_clone_to_ready(tmp_path: Path, bare_path: Path) -> None:
    clone = tmp_path / "kenward"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    kenward = Running(clone / "var", environment={"PATH": str(bare_path)}, clone=clone).start()
    try:
        kenward.wait_for("serving ", timeout_s=240)
        kenward.wait_for("ready ", timeout_s=240)
        assert len(kenward.passwords()) == 13
        assert kenward.stop() < 10
        assert kenward.process.returncode == 0
    finally:
        kenward.stop()
    tracked = subprocess.run(
        ["git", "status", "--porcelain"], cwd=clone, capture_output=True, text=True, check=True
    )
    assert tracked.stdout == "", "the clone stays clean"


@pytest.fixture
def home_of_nobody() -> Iterator[Path]:
    """Return a folder that belongs to nobody, where nobody may go."""
    folder = Path(tempfile.mkdtemp(prefix="kenward-nobody-"))
    os.chown(folder, NOBODY, NOBODY)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_an_ordinary_user_needs_nothing_but_debians_python(home_of_nobody: Path) -> None:
    become = ("setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups")
    clone = home_of_nobody / "kenward"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(clone)], check=True)
    environment = {"HOME": str(home_of_nobody), "PATH": "/usr/bin:/bin"}
    kenward = Running(clone / "var", environment=environment, clone=clone, become=become)
    kenward.start("--no-sample")
    try:
        kenward.wait_for("ready ", timeout_s=400)
        assert (clone / "var" / "postgres").stat().st_uid == NOBODY
        assert kenward.stop() < 10
        assert kenward.process.returncode == 0
    finally:
        kenward.stop()
