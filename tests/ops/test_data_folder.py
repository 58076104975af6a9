"""What is said and done about a data folder or port that cannot be used."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from apps.ops import data_folder, web_port
from apps.ops.errors import AlreadyRunning, DataFolderUnusable, PortTaken

REPOSITORY = Path(__file__).resolve().parents[2]


def test_the_folder_is_made_private(tmp_path: Path) -> None:
    data_folder.prepare(tmp_path / "a" / "var")
    assert stat.S_IMODE((tmp_path / "a" / "var").stat().st_mode) == 0o700
    (tmp_path / "a" / "var").chmod(0o755)
    data_folder.prepare(tmp_path / "a" / "var")
    assert stat.S_IMODE((tmp_path / "a" / "var").stat().st_mode) == 0o700


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_file_in_its_place_is_told_with_the_way_out(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataFolderUnusable) as raised:
        data_folder.prepare(tmp_path / place)
    assert str(tmp_path / place) in raised.value.message
    assert "--data-dir" in raised.value.hint


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=12_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(DataFolderUnusable, match="only 12 MB left"):
        data_folder.prepare(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a folder away")
def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)
    with pytest.raises(DataFolderUnusable, match="belongs to another user"):
        data_folder.prepare(tmp_path)


def test_only_one_process_holds_the_folder_and_death_lets_go_of_it(tmp_path: Path) -> None:
    code = f"""
import sys, time
sys.path.insert(0, {str(REPOSITORY)!r})
from pathlib import Path
from apps.ops import data_folder
with data_folder.locked(Path({str(tmp_path)!r})):
    print("held", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with (
            pytest.raises(AlreadyRunning, match=f"process {holder.pid}"),
            data_folder.locked(tmp_path),
        ):
            pass
        holder.kill()
        holder.wait()
        with data_folder.locked(tmp_path):
            pass


def test_a_taken_port_is_told_with_another_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(PortTaken, match=f"Port {port} is in use") as raised:
            web_port.check("127.0.0.1", port)
    assert f"--port {port + 1 if port < 65535 else 8001}" in raised.value.hint
    web_port.check("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "port"), [("192.0.2.1", 8000), ("no-such-host.invalid", 8000), ("127.0.0.1", 70000)]
)
def test_an_impossible_address_is_told(host: str, port: int) -> None:
    with pytest.raises(PortTaken):
        web_port.check(host, port)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),  # noqa: S104
        ("::", "http://[::1]:8000"),
        ("kenward.example", "http://kenward.example:8000"),
    ],
)
def test_the_shown_address_can_be_opened_in_a_browser(host: str, url: str) -> None:
    assert web_port.url(host, 8000) == url
