"""A moment of which the history is asked: now, a time, or exactly what one snapshot saw."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection

from apps.acls.errors import HistoryGone
from apps.errors import InvalidInput
from apps.tenants.context import required_tenant_id

# What a snapshot saw of `{h}` (a table of states), and with it what the asking transaction wrote.
_SEEN: Final = (
    "(pg_visible_in_snapshot({xid}, %(moment_snapshot)s::pg_snapshot)"
    " OR {xid} = %(moment_own)s::xid8)"
)
# What was committed by a time. A transaction that is noted nowhere is older than what is kept.
_COMMITTED: Final = (
    "NOT EXISTS (SELECT FROM acls_transaction t WHERE t.tenant_id = {h}.tenant_id"
    " AND t.xid = {xid} AND coalesce(t.committed_at, 'infinity') > %(moment_at)s)"
)
_NOW: Final = """
SELECT statement_timestamp(), pg_current_snapshot()::text,
    coalesce(pg_current_xact_id_if_assigned()::text, '0')
"""
_KEPT_FROM: Final = """
SELECT statement_timestamp(), (SELECT history_from FROM acls_placement WHERE tenant_id = %s)
"""


@dataclass(frozen=True, slots=True)
class Moment:
    """When the history is asked.

    Attributes:
        at: decides what has begun and what has expired.
        snapshot: `pg_snapshot` as text, of which exactly the changes it saw count; empty for the
            changes committed by `at`.
        own_xid: a transaction whose own changes count as well; "0" for none.
        is_now: the moment is the present one.
    """

    at: datetime
    snapshot: str = ""
    own_xid: str = "0"
    is_now: bool = False

    def holds(self, alias: str) -> str:
        """Return the SQL condition that a state held at the moment.

        Args:
            alias: of a table with `tenant_id`, `from_xid` and `to_xid`.
        """
        known = _SEEN if self.snapshot else _COMMITTED
        begun = known.format(h=alias, xid=f"{alias}.from_xid")
        ended = known.format(h=alias, xid=f"{alias}.to_xid")
        return f"({begun} AND ({alias}.to_xid IS NULL OR NOT {ended}))"

    def params(self) -> dict[str, Any]:
        """Return the condition's parameters."""
        return {
            "moment_at": self.at,
            "moment_snapshot": self.snapshot or "1:1:",
            "moment_own": self.own_xid,
        }


def now() -> Moment:
    """Return the present moment, with what the running transaction has changed.

    Several statements that ask for it see one and the same state, whatever commits meanwhile.
    """
    with connection.cursor() as cursor:
        cursor.execute(_NOW)
        at, snapshot, own = cursor.fetchone()
    return Moment(at, snapshot, own, is_now=True)


def at_time(at: datetime) -> Moment:
    """Return a past moment: what had been committed by then.

    Raises:
        HistoryGone: it lies before what the tenant keeps.
        InvalidInput: it lies ahead.
    """
    _require_kept(at)
    return Moment(at)


def at_snapshot(snapshot: str, at: datetime) -> Moment:
    """Return the moment of a snapshot of this database, for instance of a receipt.

    Args:
        snapshot: `pg_snapshot` as text.
        at: the database's clock in the statement that the snapshot was taken in.

    Raises:
        HistoryGone: it lies before what the tenant keeps.
        InvalidInput: it lies ahead.
    """
    _require_kept(at)
    return Moment(at, snapshot)


def _require_kept(at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_KEPT_FROM, [required_tenant_id()])
        clock, kept_from = cursor.fetchone()
    # The clocks of the application and of the database may differ a little.
    if at > clock + timedelta(seconds=5):
        raise InvalidInput("This moment lies ahead.", hint="Choose a time in the past.")
    if kept_from is not None and at < kept_from:
        raise HistoryGone(
            f"Who could read what is known since {kept_from:%Y-%m-%d %H:%M} UTC.",
            hint="An IT admin can have the history kept for longer from now on.",
        )
