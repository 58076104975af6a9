"""A database or Redis of one's own: used as it is, but only when it has what Kenward needs."""

from __future__ import annotations

import psycopg
import redis
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from apps.ops.embedded_paths import APPLICATION
from apps.ops.errors import NotPrepared

_OLDEST = 150000  # PostgreSQL 15: views that ask as their reader (security_invoker)
_TABLE_RIGHTS = "SELECT, INSERT, UPDATE, DELETE"


def check_database(owner_url: str, application_url: str) -> None:
    """Prove that the owner can migrate and the application's role can serve.

    Args:
        owner_url: value of DATABASE_URL.
        application_url: value of DATABASE_APP_URL; empty when it was not set.

    Raises:
        NotPrepared: with the exact SQL to run, or with what else is wrong.
    """
    try:
        with psycopg.connect(owner_url, connect_timeout=10) as connection:
            _refuse_old(connection)
            role = _role_of(application_url)
            if fixes := _fixes(connection, role):
                raise NotPrepared(
                    "The database that DATABASE_URL names is not prepared for Kenward yet.",
                    hint=_instructions(connection, fixes),
                )
    except psycopg.OperationalError as error:
        raise NotPrepared(
            f"The database that DATABASE_URL names cannot be reached: {_one_line(error)}",
            hint="Start it, or correct DATABASE_URL.",
        ) from error
    _check_application(application_url)


def check_redis(url: str) -> None:
    """Prove that Redis answers.

    Raises:
        NotPrepared: it does not.
    """
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=10) as client:
            client.ping()
    except (redis.RedisError, ValueError) as error:
        raise NotPrepared(
            f"The Redis that REDIS_URL names cannot be reached: {_one_line(error)}",
            hint="Start it, or correct REDIS_URL.",
        ) from error


def _check_application(url: str) -> None:
    if not url:
        raise NotPrepared(
            "DATABASE_URL is set, but DATABASE_APP_URL is not.",
            hint=f"Set it to the same database, for the role {APPLICATION} and its password."
            " Kenward never serves as the owner.",
        )
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            connection.execute("SELECT 1")
    except psycopg.OperationalError as error:
        raise NotPrepared(
            f"The application's role cannot sign in with DATABASE_APP_URL: {_one_line(error)}",
            hint="Correct its name, its password or the server's pg_hba.conf.",
        ) from error


def _role_of(application_url: str) -> str:
    try:
        found = conninfo_to_dict(application_url).get("user") if application_url else None
    except psycopg.ProgrammingError as error:
        raise NotPrepared(
            "DATABASE_APP_URL cannot be read.",
            hint=f"It looks like postgresql://{APPLICATION}:password@host/kenward.",
        ) from error
    return str(found or APPLICATION)


def _refuse_old(connection: psycopg.Connection) -> None:
    if connection.info.server_version < _OLDEST:
        raise NotPrepared(
            f"This PostgreSQL has version {connection.info.server_version // 10000}.",
            hint=f"Kenward needs {_OLDEST // 10000} or newer, with the extension vector.",
        )


def _fixes(connection: psycopg.Connection, role: str) -> list[sql.Composed]:
    """Return the statements that are still to be run, in their order."""
    name = sql.Identifier(role)
    fixes = []
    if not _exists(connection, "SELECT FROM pg_extension WHERE extname = 'vector'"):
        fixes.append(sql.SQL("CREATE EXTENSION vector").format())
    if not _exists(connection, "SELECT FROM pg_roles WHERE rolname = %s", role):
        text = "CREATE ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD 'choose one'"
        fixes.append(sql.SQL(text).format(name))
    elif _exists(
        connection,
        "SELECT FROM pg_roles WHERE rolname = %s AND (rolsuper OR rolbypassrls OR NOT rolcanlogin)",
        role,
    ):
        fixes.append(sql.SQL("ALTER ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS").format(name))
    return fixes + _missing_grants(connection, role)


def _missing_grants(connection: psycopg.Connection, role: str) -> list[sql.Composed]:
    """Return the grants for tables that migrations are going to make, or have made already."""
    owner = str(connection.info.user)
    names = {"owner": sql.Identifier(owner), "role": sql.Identifier(role)}
    fixes = []
    if not _exists(connection, "SELECT WHERE has_schema_privilege('public', 'CREATE')"):
        fixes.append(sql.SQL("GRANT CREATE ON SCHEMA public TO {owner}").format(**names))
    for kind, target, rights in (("r", "TABLES", _TABLE_RIGHTS), ("S", "SEQUENCES", "USAGE")):
        granted = _exists(
            connection,
            "SELECT FROM pg_default_acl, aclexplode(defaclacl) AS item"
            " WHERE defaclobjtype = %s AND defaclrole = current_user::regrole"
            " AND grantee = (SELECT oid FROM pg_roles WHERE rolname = %s)",
            kind,
            role,
        )
        if not granted:
            grant = f"GRANT {rights} ON {{which}}{target} {{place}}TO {{role}}"
            later = sql.SQL("ALTER DEFAULT PRIVILEGES FOR ROLE {owner} ").format(**names)
            now = {"which": sql.SQL("ALL "), "place": sql.SQL("IN SCHEMA public "), **names}
            empty = {"which": sql.SQL(""), "place": sql.SQL(""), **names}
            fixes += [later + sql.SQL(grant).format(**empty), sql.SQL(grant).format(**now)]
    return fixes


def _instructions(connection: psycopg.Connection, fixes: list[sql.Composed]) -> str:
    statements = [f"    {fix.as_string(connection)};" for fix in fixes]
    lines = [f'Connect to the database "{connection.info.dbname}" as a superuser and run:', ""]
    lines += statements
    if any("CREATE ROLE" in statement for statement in statements):
        lines += ["", "Then set DATABASE_APP_URL to the same database with that role and password."]
    return "\n".join(lines)


def _exists(connection: psycopg.Connection, query: str, *parameters: str) -> bool:
    cursor = connection.cursor()
    cursor.execute(query.encode(), parameters)
    return cursor.fetchone() is not None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
