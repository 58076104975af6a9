"""Which incarnation of the database a tenant's transaction ids belong to."""

from __future__ import annotations

import uuid

from django.db import connection

from apps.acls import statement
from apps.acls.models import Placement
from apps.tenants.context import required_tenant_id

_LABEL = f"SELECT {statement.INCARNATION} FROM acls_placement place WHERE tenant_id = %s"  # noqa: S608


def ensure() -> None:
    """Give the bound tenant its placement, if it has none yet."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO acls_placement (tenant_id, incarnation, floor_xid, next_ordinal)"
            " VALUES (%s, %s, '0', 1) ON CONFLICT DO NOTHING",
            [required_tenant_id(), uuid.uuid4()],
        )


def renew() -> None:
    """Make every cached set of the bound tenant void: after a restore, or a move to a new place."""
    Placement.objects.filter(tenant_id=required_tenant_id()).update(incarnation=uuid.uuid4())


def incarnation() -> str:
    """Return what cached sets of the bound tenant must be labelled with."""
    tenant_id = required_tenant_id()
    with connection.cursor() as cursor:
        cursor.execute(_LABEL, [tenant_id])
        found = cursor.fetchone()
        if found is None:
            ensure()
            cursor.execute(_LABEL, [tenant_id])
            found = cursor.fetchone()
    if found is None:
        raise RuntimeError("The bound tenant is not visible: open a transaction first.")
    return str(found[0])
