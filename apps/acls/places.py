"""Records the places of a source: their tree, and when each was last seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection

from apps.acls.errors import BrokenTree
from apps.acls.external_ids import MAX_LABEL, key
from apps.acls.models import Acl, Form
from apps.connections.protocol import Mode, RemoteAcl
from apps.tenants.context import required_tenant_id

# The lock that the database takes whenever lines change (migration 0002), taken before any row so
# that two syncs of one source cannot wait for each other.
_LOCK_TREE = "SELECT pg_advisory_xact_lock(hashtextextended('acls.tree:' || %s || ':' || %s, 0))"

_TAKE_IDS = "SELECT nextval(pg_get_serial_sequence('acls_acl', 'id')) FROM generate_series(1, %s)"

# One upsert by the unique key, in its order: no join that could trust a new table's statistics.
# What is newer stays, but for a time in the future: a clock ran ahead, and until that time comes
# nobody could be shut out any more.
_RECORD = """
INSERT INTO acls_acl AS a (tenant_id, id, uuid, realm, external_id, label, form, parent_id, mode,
    observed_at)
SELECT %(tenant)s, n.id, gen_random_uuid(), %(realm)s, n.external_id, n.label, 'place',
    n.parent_id, n.mode, %(observed_at)s
FROM unnest(%(ids)s::bigint[], %(external_ids)s::text[], %(labels)s::text[],
    %(parents)s::bigint[], %(modes)s::text[]) n(id, external_id, label, parent_id, mode)
ON CONFLICT (tenant_id, realm, external_id) DO UPDATE
SET label = excluded.label, parent_id = excluded.parent_id, mode = excluded.mode,
    observed_at = excluded.observed_at
WHERE a.observed_at IS NULL OR a.observed_at <= excluded.observed_at
    OR a.observed_at > statement_timestamp()
RETURNING id
"""

_LOCK_OTHERS = """
SELECT id FROM acls_acl
WHERE tenant_id = %(tenant)s AND realm = %(realm)s AND form = 'place'
    AND id <> ALL (%(listed)s::bigint[])
ORDER BY external_id FOR NO KEY UPDATE
"""

_MAKE_PLAIN = """
UPDATE acls_acl SET mode = 'add', observed_at = %(observed_at)s
WHERE tenant_id = %(tenant)s AND id = ANY (%(ids)s::bigint[])
    AND (observed_at IS NULL OR observed_at <= %(observed_at)s
        OR observed_at > statement_timestamp())
RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Known:
    """A place as it is stored."""

    pk: int
    parent_id: int | None
    mode: str


def record(
    realm: str, told: Mapping[str, RemoteAcl], *, observed_at: datetime
) -> tuple[dict[str, int], set[int]]:
    """Store new places and what is newer about known ones, and keep the tree.

    Args:
        realm: the connection's namespace.
        told: the places by their keys (see `external_ids.key`).
        observed_at: an older observation than the stored one changes nothing.

    Returns:
        the ids of all told places by key, and those among them that this observation may describe.

    Raises:
        BrokenTree: a parent is unknown, or a place would lie below itself.
    """
    known = _known(realm, told)
    if _changes_tree(told, known):
        with connection.cursor() as cursor:
            cursor.execute(_LOCK_TREE, [required_tenant_id(), realm])
        known = _known(realm, told)
    ids = {name: place.pk for name, place in known.items()}
    new = [name for name in told if name not in ids]
    ids |= zip(new, _take_ids(len(new)), strict=True)
    rows = [_row(acl, ids) for _, acl in sorted(told.items())]
    try:
        accepted = _write(realm, rows, observed_at)
    except IntegrityError as error:
        raise BrokenTree("The source names a place that lies below itself.") from error
    return {name: ids[name] for name in told}, accepted


def make_others_plain(realm: str, listed: set[int], *, observed_at: datetime) -> list[int]:
    """Let every place that is not listed add to its parent; return their ids.

    Their entries are the caller's to take away.
    """
    tenant_id = required_tenant_id()
    others = Acl.objects.filter(tenant_id=tenant_id, realm=realm, form=Form.PLACE, mode=Mode.CUT)
    with connection.cursor() as cursor:
        if others.exclude(pk__in=listed).exists():
            cursor.execute(_LOCK_TREE, [tenant_id, realm])
        params: dict[str, Any] = {"tenant": tenant_id, "realm": realm, "listed": list(listed)}
        cursor.execute(_LOCK_OTHERS, params)
        params |= {"ids": [pk for (pk,) in cursor.fetchall()], "observed_at": observed_at}
        cursor.execute(_MAKE_PLAIN, params)
        return [int(pk) for (pk,) in cursor.fetchall()]


def _known(realm: str, told: Mapping[str, RemoteAcl]) -> dict[str, Known]:
    names = set(told) | {key(acl.parent) for acl in told.values() if acl.parent is not None}
    rows = Acl.objects.filter(
        tenant_id=required_tenant_id(), realm=realm, external_id__in=names
    ).values_list("external_id", "pk", "parent_id", "mode")
    return {name: Known(pk, parent_id, mode) for name, pk, parent_id, mode in rows}


def _changes_tree(told: Mapping[str, RemoteAcl], known: Mapping[str, Known]) -> bool:
    for name, acl in told.items():
        place = known.get(name)
        above = known.get(key(acl.parent)) if acl.parent is not None else None
        if place is None or place.mode != acl.mode:
            return True
        if place.parent_id != (above.pk if above else None):
            return True
    return False


def _row(acl: RemoteAcl, ids: Mapping[str, int]) -> dict[str, Any]:
    if acl.parent is not None and key(acl.parent) not in ids:
        # Without the parent's denials and cuts the place could be wider open than its source.
        raise BrokenTree(
            f"The source names “{acl.parent[:MAX_LABEL]}” as a parent, but does not describe it."
        )
    return {
        "ids": ids[key(acl.external_id)],
        "external_ids": key(acl.external_id),
        "labels": acl.label[:MAX_LABEL],
        "parents": None if acl.parent is None else ids[key(acl.parent)],
        "modes": str(acl.mode),
    }


def _take_ids(count: int) -> list[int]:
    if not count:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_IDS, [count])
        return [int(pk) for (pk,) in cursor.fetchall()]


def _write(realm: str, rows: Sequence[dict[str, Any]], observed_at: datetime) -> set[int]:
    names = ("ids", "external_ids", "labels", "parents", "modes")
    params: dict[str, Any] = {name: [row[name] for row in rows] for name in names}
    params |= {"tenant": required_tenant_id(), "realm": realm, "observed_at": observed_at}
    with connection.cursor() as cursor:
        cursor.execute(_RECORD, params)
        return {int(pk) for (pk,) in cursor.fetchall()}
