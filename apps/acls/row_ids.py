"""Ids taken beforehand, for rows that refer to each other before they are stored."""

from __future__ import annotations

from django.db import connection

_TAKE = "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)"


def take(table: str, count: int) -> list[int]:
    """Return new ids of a table; those that no row takes are never used.

    Args:
        table: its name in the database.
        count: how many.
    """
    if not count:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [table, count])
        return [int(pk) for (pk,) in cursor.fetchall()]
