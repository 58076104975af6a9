"""Keeps the change log short without ever letting an old set look current."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction

from apps.acls import placement
from apps.tenants.context import required_tenant_id

# One statement's changes become visible together: rows gone and floor raised. Sets whose snapshot
# reaches below the floor are refused, since what they would have to be compared with may be gone.
_PRUNE = """
WITH gone AS (
    DELETE FROM acls_permissionchange WHERE tenant_id = %(tenant)s AND changed_at < %(before)s
    RETURNING xid
), raised AS (
    UPDATE acls_placement p
    SET floor_xid = greatest(
        p.floor_xid, (SELECT (max(xid::text::numeric) + 1)::text::xid8 FROM gone))
    WHERE p.tenant_id = %(tenant)s AND EXISTS (SELECT FROM gone)
)
SELECT count(*) FROM gone
"""


def prune(*, before: datetime) -> int:
    """Delete the bound tenant's log rows older than a time, and return how many they were.

    Args:
        before: sets computed before the newest row that goes have to be computed again.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        placement.ensure()
        cursor.execute(_PRUNE, {"tenant": required_tenant_id(), "before": before})
        return int(cursor.fetchone()[0])
