"""The embedded PostgreSQL and Redis: what they allow, what they keep, what they recover from."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
import redis

from apps.ops import embedded, embedded_paths, embedded_postgres, memory, not_root, processes
from apps.ops.embedded_paths import APPLICATION, OWNER
from apps.ops.errors import CannotStart, DataFolderUnusable
from tests.ops.processes_seen import eventually, is_running, mentioning

REPOSITORY = Path(__file__).resolve().parents[2]
MB = 1 << 20


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the data folder of running services, made as `up` makes them."""
    folder = tmp_path_factory.mktemp("data")
    with embedded.running(folder):
        yield folder


def connect(data_dir: Path, role: str) -> psycopg.Connection:
    return psycopg.connect(embedded_paths.postgres_url(data_dir, role), autocommit=True)


def scalar(connection: psycopg.Connection, query: str) -> object:
    row = connection.execute(query.encode()).fetchone()
    return row and row[0]


def test_neither_role_is_above_row_level_security(data_dir: Path) -> None:
    with connect(data_dir, APPLICATION) as connection:
        rows = connection.execute(
            "SELECT rolname, rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb FROM pg_roles"
            " WHERE rolname LIKE 'kenward%' ORDER BY 1"
        ).fetchall()
    assert rows == [(APPLICATION, False), (OWNER, False)]


def test_the_application_uses_the_owners_tables_but_cannot_change_them(data_dir: Path) -> None:
    with connect(data_dir, OWNER) as owner, connect(data_dir, APPLICATION) as application:
        owner.execute("CREATE TABLE page (id bigserial PRIMARY KEY, place vector(3))")
        application.execute("INSERT INTO page (place) VALUES ('[1,2,3]')")
        application.execute("UPDATE page SET place = '[3,2,1]'")
        assert scalar(application, "SELECT place FROM page") == "[3,2,1]"
        application.execute("DELETE FROM page")
        for statement in ("TRUNCATE page", "DROP TABLE page", "CREATE TABLE other (id int)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                application.execute(statement.encode())
        owner.execute("DROP TABLE page")


def test_no_port_is_opened_and_every_folder_is_private(data_dir: Path) -> None:
    sockets = embedded_paths.socket_dir(data_dir)
    for folder in (sockets, data_dir / "postgres", data_dir / "redis", data_dir / "logs"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
    for name in (embedded_paths.REDIS_SOCKET, embedded_paths.POSTGRES_SOCKET):
        assert stat.S_IMODE((sockets / name).stat().st_mode) == 0o700
    pids = mentioning(str(data_dir))
    opened = {
        (int(pid), link)
        for pid in pids
        for link in _links(Path(f"/proc/{pid}/fd"))
        if link in _listening_inodes()
    }
    assert pids
    assert not opened


def _links(folder: Path) -> set[str]:
    found = set()
    for entry in folder.iterdir():
        try:
            found.add(str(entry.readlink()))
        except OSError:
            continue
    return found


def _listening_inodes() -> set[str]:
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                found.add(f"socket:[{fields[9]}]")
    return found


def test_memory_settings_follow_the_machine(data_dir: Path) -> None:
    expected = memory.postgres_settings(
        memory.ram_bytes(), shared_memory_bytes=memory.shared_memory_bytes()
    )
    query = "SELECT pg_size_bytes(current_setting('{}'))"
    with connect(data_dir, APPLICATION) as connection:
        for name in ("shared_buffers", "effective_cache_size", "work_mem"):
            wanted = int(expected[name].removesuffix("MB")) * MB
            assert scalar(connection, query.format(name)) == wanted
        assert scalar(connection, "SHOW jit") == "off"
        assert scalar(connection, "SHOW fsync") == "on"


@pytest.mark.parametrize(
    ("ram_mb", "shared_buffers", "work_mem"),
    [
        (200, "64MB", "4MB"),
        (512, "128MB", "4MB"),
        (8192, "2048MB", "16MB"),
        (24_000, "6000MB", "46MB"),
        (512_000, "8192MB", "64MB"),
    ],
)
def test_shared_buffers_are_a_quarter_of_memory_within_bounds(
    ram_mb: int, shared_buffers: str, work_mem: str
) -> None:
    settings = memory.postgres_settings(ram_mb * MB, shared_memory_bytes=1 << 30)
    assert settings["shared_buffers"] == shared_buffers
    assert settings["work_mem"] == work_mem


def test_a_small_shared_memory_folder_is_not_relied_on() -> None:
    for size in (None, 64 * MB):
        settings = memory.postgres_settings(1 << 33, shared_memory_bytes=size)
        assert settings["dynamic_shared_memory_type"] == "mmap"


def test_rows_and_queue_are_there_after_a_restart(tmp_path: Path) -> None:
    with embedded.running(tmp_path):
        with connect(tmp_path, OWNER) as owner:
            owner.execute("CREATE TABLE kept AS SELECT 7 AS n")
        with redis.Redis.from_url(embedded_paths.redis_url(tmp_path)) as client:
            client.rpush("queue", "task")
    with embedded.running(tmp_path):
        with connect(tmp_path, APPLICATION) as application:
            assert scalar(application, "SELECT n FROM kept") == 7
        with redis.Redis.from_url(embedded_paths.redis_url(tmp_path)) as client:
            assert client.lrange("queue", 0, -1) == [b"task"]


def test_killed_services_come_back_with_their_rows(tmp_path: Path) -> None:
    with embedded.running(tmp_path):
        with connect(tmp_path, OWNER) as owner:
            owner.execute("CREATE TABLE kept AS SELECT 7 AS n")
        for pid in mentioning(str(tmp_path)):
            with suppress(ProcessLookupError):  # some end as soon as their parent does
                os.kill(pid, signal.SIGKILL)
    assert (tmp_path / "postgres" / "postmaster.pid").exists()
    with embedded.running(tmp_path), connect(tmp_path, APPLICATION) as application:
        assert scalar(application, "SELECT n FROM kept") == 7


def test_a_stale_pid_file_that_names_a_living_stranger_is_overcome(tmp_path: Path) -> None:
    with embedded.running(tmp_path):
        kept = (tmp_path / "postgres" / "postmaster.pid").read_text()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
        lines = [str(stranger.pid), *kept.splitlines()[1:]]
        (tmp_path / "postgres" / "postmaster.pid").write_text("\n".join(lines) + "\n")
        lock = embedded_paths.socket_dir(tmp_path) / f"{embedded_paths.POSTGRES_SOCKET}.lock"
        lock.write_text("\n".join(lines) + "\n")
        with embedded.running(tmp_path):
            assert embedded_postgres.is_answering(tmp_path)
        assert is_running(stranger.pid)
        stranger.kill()


def test_servers_that_an_earlier_run_left_behind_are_ended(tmp_path: Path) -> None:
    specs = [spec for spec, _ in embedded.services(tmp_path)]
    left = [processes.spawn(spec) for spec in specs]
    assert eventually(lambda: embedded_postgres.is_answering(tmp_path))
    for process in left:
        process.terminate()  # as the kernel does when the parent dies; nobody waits for them
    with embedded.running(tmp_path):
        for process in left:
            assert process.wait(5) is not None
        assert embedded_postgres.is_answering(tmp_path)


def test_an_unfinished_cluster_is_made_anew(tmp_path: Path) -> None:
    unfinished = tmp_path / "postgres.new"
    unfinished.mkdir(mode=0o700)
    (unfinished / "PG_VERSION").write_text("18\n")
    with embedded.running(tmp_path, for_tests=True):
        assert embedded_postgres.is_answering(tmp_path)
    assert not unfinished.exists()


def test_a_cluster_of_another_version_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir(mode=0o700)
    (tmp_path / "postgres" / "PG_VERSION").write_text("16\n")
    with (
        pytest.raises(DataFolderUnusable, match="its version: 16") as raised,
        embedded.running(tmp_path),
    ):
        pass
    assert "--data-dir" in raised.value.hint
    assert mentioning(str(tmp_path)) == set()


def test_services_die_with_the_process_that_started_them(tmp_path: Path) -> None:
    code = f"""
import sys, time
sys.path.insert(0, {str(REPOSITORY)!r})
from pathlib import Path
from apps.ops import embedded
with embedded.running(Path({str(tmp_path)!r}), for_tests=True):
    print("up", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as outer:
        assert outer.stdout is not None
        assert outer.stdout.readline() == b"up\n"
        servers = mentioning(str(tmp_path)) - {outer.pid}
        assert len(servers) > 5
        outer.kill()
    assert eventually(lambda: not any(map(is_running, servers)))


def test_services_for_tests_start_within_two_and_a_half_seconds(tmp_path: Path) -> None:
    started_at = time.monotonic()
    with embedded.running(tmp_path, for_tests=True):
        assert time.monotonic() - started_at < 2.5


def test_a_path_too_long_for_a_socket_gets_a_short_private_folder(tmp_path: Path) -> None:
    data_dir = tmp_path / ("long" * 30)
    sockets = embedded_paths.socket_dir(data_dir)
    assert data_dir not in sockets.parents
    assert embedded_paths.socket_dir(data_dir / ".." / data_dir.name) == sockets
    assert embedded_paths.socket_dir(tmp_path / ("else" * 30)) != sockets
    with embedded.running(data_dir, for_tests=True):
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        assert embedded_postgres.is_answering(data_dir)


def test_a_socket_folder_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    sockets = embedded_paths.socket_dir(tmp_path / ("long" * 30))
    sockets.mkdir(mode=0o755)
    try:
        with pytest.raises(DataFolderUnusable, match="not a private folder"):
            embedded_paths.socket_dir(tmp_path / ("long" * 30))
    finally:
        sockets.rmdir()


def test_odd_characters_in_the_path_survive_the_addresses(tmp_path: Path) -> None:
    data_dir = tmp_path / "a b%41?&#é"
    with embedded.running(data_dir, for_tests=True):
        assert embedded_postgres.is_answering(data_dir)
        with redis.Redis.from_url(embedded_paths.redis_url(data_dir)) as client:
            assert client.ping()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user for PostgreSQL")
def test_root_without_user_namespaces_runs_postgres_as_another_user(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import shutil
    import tempfile

    monkeypatch.setattr(not_root, "_can_map", lambda: False)
    data_dir = Path(tempfile.mkdtemp(prefix="kenward-other-user-"))
    try:
        try:
            spec = embedded_postgres.child(data_dir)
        except CannotStart as error:
            assert "another user may not enter" in error.message
            pytest.skip("this checkout lies where only root may go")
        assert "--reuid" in spec.argv
        with embedded.running(data_dir, for_tests=True):
            assert embedded_postgres.is_answering(data_dir)
        assert (data_dir / "postgres").stat().st_uid != 0
        assert stat.S_IMODE(data_dir.stat().st_mode) == 0o711
    finally:
        shutil.rmtree(data_dir)


def test_redis_takes_no_connection_from_the_network(data_dir: Path) -> None:
    with redis.Redis.from_url(embedded_paths.redis_url(data_dir)) as client:
        assert client.config_get("port") == {"port": "0"}
        assert client.config_get("appendonly") == {"appendonly": "yes"}
