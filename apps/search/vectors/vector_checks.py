"""Looks whether the database can search vectors as Kenward relies on; what is off fails the start.

Without iterative scans a filter would silently lose most of what an approximate search should find.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from django.core import checks
from django.db import DatabaseError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from apps.search.vectors import vector_plan

# Iterative scans came with it.
_LEAST_VERSION: Final = (0, 8)


def problems(using: str = "default") -> list[str]:
    """Return what is wrong with the database's vector search, in words for an operator.

    Args:
        using: Django's name of the connection.

    Raises:
        DatabaseError: the database does not answer.
    """
    database = connections[using]
    with transaction.atomic(using=using):
        found = list(_version(database))
        return found or [*_settings(database), *_tables(database)]


def register() -> None:
    """Let `manage.py check --database default` look as well."""
    checks.register(_check, checks.Tags.database)


def _check(*, databases: Sequence[str] | None = None, **_options: Any) -> list[checks.CheckMessage]:
    if "default" not in (databases or ()):
        return []
    try:
        found = problems()
    except DatabaseError as error:
        return [checks.Error(f"The database cannot be asked: {error}", id="search.E001")]
    return [checks.Error(problem, id="search.E002") for problem in found]


def _version(database: BaseDatabaseWrapper) -> Iterator[str]:
    with database.cursor() as cursor:
        cursor.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
        row = cursor.fetchone()
    if row is None:
        yield "The extension pgvector is not installed in the database."
    elif tuple(map(int, row[0].split(".")[:2])) < _LEAST_VERSION:
        least = ".".join(map(str, _LEAST_VERSION))
        yield f"pgvector is {row[0]}; filtered searches need {least} or later."


def _settings(database: BaseDatabaseWrapper) -> Iterator[str]:
    """Set what each search sets, and read it back once the extension has seen it."""
    with database.cursor() as cursor:
        # The settings are pgvector's only once its library is loaded, which a vector does.
        cursor.execute("SELECT '[1]'::halfvec <=> '[1]'::halfvec")
        for name, wanted in vector_plan.settings(rows=0).items():
            try:
                with transaction.atomic(using=database.alias):
                    cursor.execute("SELECT set_config(%s, %s, true)", [name, wanted])
                    cursor.execute("SELECT setting FROM pg_settings WHERE name = %s", [name])
                    row = cursor.fetchone()
            except DatabaseError as error:
                yield f"The database refuses {name} = {wanted}: {error}"
                continue
            if row is None or row[0] != wanted:
                yield f"The database does not take {name} = {wanted}: it is {row and row[0]}."


def _tables(database: BaseDatabaseWrapper) -> Iterator[str]:
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
            " JOIN pg_class t ON t.oid = i.indrelid JOIN pg_am a ON a.oid = c.relam"
            " WHERE a.amname = 'hnsw' AND t.relname LIKE 'search\\_chunkvector%%'"
            " AND NOT (i.indisvalid AND i.indisready)"
        )
        for (name,) in cursor.fetchall():
            yield f"The vector index {name} is not usable; make it again with `index_vectors`."
