"""Time travel: who could read what at a moment, and how long that can be told.

Triggers keep every state of what decides (see migration 0005), with the transactions that began
and ended it; a moment is a time or exactly what a snapshot saw.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import connection, transaction

from apps.acls import history_moments, placement
from apps.acls.history_moments import Moment
from apps.acls.history_view import View
from apps.tenants.context import required_tenant_id
from apps.tenants.models import Tenant

# The history begins where the oldest is gone, in the same transaction. A state that ended in a
# transaction which is noted nowhere was left by an earlier round.
_PRUNE: Final = """
WITH old AS MATERIALIZED (
    SELECT xid FROM acls_transaction
    WHERE tenant_id = %(tenant)s AND committed_at < %(before)s
), gone AS (
    DELETE FROM {table} h WHERE h.tenant_id = %(tenant)s AND h.to_xid IN (SELECT xid FROM old)
    RETURNING 1
) SELECT count(*) FROM gone
"""
_FORGET: Final = (
    "DELETE FROM acls_transaction WHERE tenant_id = %(tenant)s AND committed_at < %(before)s"
)
_BEGINS: Final = """
UPDATE acls_placement SET history_from = greatest(coalesce(history_from, %(before)s), %(before)s)
WHERE tenant_id = %(tenant)s
"""


def now() -> View:
    """Return the present, as one consistent state."""
    return View(history_moments.now())


def as_of(at: datetime) -> View:
    """Return what had been committed by a time.

    Raises:
        HistoryGone: it lies before what the tenant keeps.
        InvalidInput: it lies ahead.
    """
    return View(history_moments.at_time(at))


def as_of_snapshot(snapshot: str, at: datetime) -> View:
    """Return exactly what a snapshot saw.

    Args:
        snapshot: `pg_snapshot` as text.
        at: the database's clock then; it decides what had expired.

    Raises:
        HistoryGone: it lies before what the tenant keeps.
        InvalidInput: it lies ahead.
    """
    return View(history_moments.at_snapshot(snapshot, at))


def moment_of(at: datetime | Moment | None) -> Moment:
    """Return the moment that is meant: the present for None."""
    if at is None:
        return history_moments.now()
    return at if isinstance(at, Moment) else history_moments.at_time(at)


def prune(*further: str) -> int:
    """Delete what the bound tenant keeps no longer (`Tenant.history_days`); return how many states.

    States that still hold stay, however old they are.

    Args:
        further: tables of states besides this app's own; `documents.history` calls it with its own.
    """
    tenant_id = required_tenant_id()
    days = Tenant.objects.values_list("history_days", flat=True).get(pk=tenant_id)
    with transaction.atomic(), connection.cursor() as cursor:
        placement.ensure()
        cursor.execute("SELECT statement_timestamp()")
        before = cursor.fetchone()[0] - timedelta(days=days)
        params = {"tenant": tenant_id, "before": before}
        gone = 0
        for table in ("acls_history", *further):
            cursor.execute(_PRUNE.format(table=table), params)
            gone += int(cursor.fetchone()[0])
        cursor.execute(_FORGET, params)
        cursor.execute(_BEGINS, params)
        return gone
