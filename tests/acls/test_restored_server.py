"""A real server whose files are copied back, or whose standby takes over, honours no earlier set.

What was granted after the copy never happened in the copied database, but a cache outside of it
remembers. The transaction ids are counted a second time, so without the incarnation in its label
the remembered set could look current.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from apps.ops.embedded_postgres import cluster_dir

pytestmark = pytest.mark.slow

TIMELINE = 1  # its place in the label


@dataclass(frozen=True)
class Server:
    """A data folder, and the database's files before and after somebody was let in."""

    data_dir: Path

    @property
    def before(self) -> Path:
        return self.data_dir / "before"

    @property
    def after(self) -> Path:
        return self.data_dir / "after"

    def visit(self, act: str, *options: str) -> dict[str, Any]:
        """Run the program once, and return what it says."""
        program = [sys.executable, "-m", "tests.acls.restored_program", str(self.data_dir), act]
        done = subprocess.run([*program, *options], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found

    def put_back(self, files: Path) -> Path:
        """Let a copy take the place of the database's files, and return their folder."""
        cluster = cluster_dir(self.data_dir)
        shutil.rmtree(cluster)
        copy(files, cluster)
        return cluster


def copy(files: Path, to: Path) -> None:
    # With owners and modes, which PostgreSQL insists on.
    subprocess.run(["cp", "-a", str(files), str(to)], check=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Server:
    data_dir = tmp_path_factory.mktemp("restored")
    server = Server(data_dir)
    server.visit("begin")
    copy(cluster_dir(data_dir), server.before)
    granted = server.visit("grant")
    assert granted["kept"] and granted["passes"]
    copy(cluster_dir(data_dir), server.after)
    return server


def test_what_was_granted_is_read_anew_after_a_restart(server: Server) -> None:
    server.put_back(server.after)
    judged = server.visit("judge")
    assert not judged["passes"]
    assert judged["reads"] != []


def test_no_set_outlives_files_that_were_copied_back(server: Server) -> None:
    server.put_back(server.before)
    judged = server.visit("judge")
    assert not judged["passes"]
    assert judged["reads"] == []


def test_no_set_outlives_the_promotion_of_a_standby_that_lagged(server: Server) -> None:
    cluster = server.put_back(server.before)
    # Such a file makes a standby; copied, it belongs to whom PostgreSQL runs as.
    copy(cluster / "PG_VERSION", cluster / "standby.signal")
    judged = server.visit("judge", "--promote")
    assert not judged["passes"]
    assert judged["reads"] == []
    assert judged["label"].split(":")[TIMELINE] == "00000002"
