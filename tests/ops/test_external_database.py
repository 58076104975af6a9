"""A database of one's own: told exactly what it lacks, and accepted once it was run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from apps.ops import embedded, embedded_paths, external
from apps.ops.errors import NotPrepared


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the quoted socket folder of a PostgreSQL that others prepared."""
    data_dir = tmp_path_factory.mktemp("outside")
    with embedded.running(data_dir, for_tests=True):
        yield quote(str(embedded_paths.socket_dir(data_dir)), safe="")


@pytest.fixture
def bare(host: str) -> Iterator[str]:
    """Return the address of an empty database without extension, owned by `somebody`."""
    server = f"postgresql://postgres@/postgres?host={host}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE ROLE somebody LOGIN")
        connection.execute("CREATE DATABASE outside OWNER somebody TEMPLATE template0")
        yield f"postgresql://somebody@/outside?host={host}"
        connection.execute("DROP DATABASE outside")
        connection.execute("DROP ROLE IF EXISTS reader")
        connection.execute("DROP ROLE somebody")


def statements(error: NotPrepared) -> list[str]:
    return [line.strip() for line in error.hint.splitlines() if line.startswith("    ")]


def test_what_it_prints_makes_the_database_fit(bare: str) -> None:
    application = bare.replace("somebody", "reader")
    with pytest.raises(NotPrepared) as raised:
        external.check_database(bare, application)
    printed = statements(raised.value)
    assert printed[:2] == [
        "CREATE EXTENSION vector;",
        "CREATE ROLE \"reader\" LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD 'choose one';",
    ]
    with psycopg.connect(bare.replace("somebody@", "postgres@"), autocommit=True) as superuser:
        for statement in printed:
            superuser.execute(statement.encode())
    external.check_database(bare, application)
    with psycopg.connect(bare) as owner:
        owner.execute("CREATE TABLE page (id bigserial PRIMARY KEY)")
    with psycopg.connect(application) as reader:
        reader.execute("INSERT INTO page DEFAULT VALUES")


def test_the_missing_extension_alone_is_one_statement(bare: str, host: str) -> None:
    with psycopg.connect(f"postgresql://somebody@/outside?host={host}") as owner:
        rights = "GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO kenward_app"
        owner.execute(f"ALTER DEFAULT PRIVILEGES {rights}".encode())
        owner.execute(b"ALTER DEFAULT PRIVILEGES GRANT USAGE ON SEQUENCES TO kenward_app")
    with pytest.raises(NotPrepared) as raised:
        external.check_database(bare, bare.replace("somebody", "kenward_app"))
    assert statements(raised.value) == ["CREATE EXTENSION vector;"]


def test_a_role_above_row_level_security_is_refused(bare: str) -> None:
    with pytest.raises(NotPrepared) as raised:
        external.check_database(bare, bare.replace("somebody", "postgres"))
    wanted = 'ALTER ROLE "postgres" LOGIN NOSUPERUSER NOBYPASSRLS;'
    assert wanted in statements(raised.value)


def test_a_missing_application_address_is_told(host: str) -> None:
    owner = f"postgresql://kenward_owner@/kenward?host={host}"
    with pytest.raises(NotPrepared, match="DATABASE_APP_URL is not"):
        external.check_database(owner, "")
    external.check_database(owner, f"postgresql://kenward_app@/kenward?host={host}")


def test_servers_that_do_not_answer_are_told(tmp_path: Path) -> None:
    with pytest.raises(NotPrepared, match="DATABASE_URL names cannot be reached"):
        external.check_database(f"postgresql://a@/b?host={quote(str(tmp_path), safe='')}", "")
    with pytest.raises(NotPrepared, match="REDIS_URL names cannot be reached"):
        external.check_redis(f"unix://{tmp_path}/none.sock")
