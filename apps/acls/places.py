"""Records the places of a source and their tree, and the values that items share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection

from apps.acls import row_ids
from apps.acls.errors import BrokenTree
from apps.acls.external_ids import MAX_LABEL, key
from apps.acls.models import Acl
from apps.connections.dialects import value
from apps.connections.protocol import Form, Mode, RemoteAcl
from apps.tenants.context import required_tenant_id

# The lock that the database takes whenever lines change (migration 0002), taken before any row so
# that two syncs of one source cannot wait for each other.
_LOCK_TREE = "SELECT pg_advisory_xact_lock(hashtextextended('acls.tree:' || %s || ':' || %s, 0))"

# One upsert by the unique key, in its order: no join that could trust a new table's statistics.
# A value that exists stays as it was made: its name says what it holds.
# What is newer stays, but for a time in the future: a clock ran ahead, and until that time comes
# nobody could be shut out any more.
_RECORD = """
INSERT INTO acls_acl AS a (tenant_id, id, uuid, realm, external_id, label, form, parent_id, mode,
    observed_at, brought_by)
SELECT %(tenant)s, n.id, gen_random_uuid(), %(realm)s, n.external_id, n.label, n.form,
    n.parent_id, n.mode, %(observed_at)s, %(brought_by)s
FROM unnest(%(ids)s::bigint[], %(external_ids)s::text[], %(labels)s::text[], %(forms)s::text[],
    %(parents)s::bigint[], %(modes)s::text[]) n(id, external_id, label, form, parent_id, mode)
ON CONFLICT (tenant_id, realm, external_id) DO UPDATE
SET label = excluded.label, parent_id = excluded.parent_id, mode = excluded.mode,
    observed_at = excluded.observed_at,
    brought_by = CASE
        WHEN (a.parent_id, a.mode) IS DISTINCT FROM (excluded.parent_id, excluded.mode)
        THEN excluded.brought_by ELSE a.brought_by END
WHERE a.form = 'place' AND (a.observed_at IS NULL OR a.observed_at <= excluded.observed_at
    OR a.observed_at > statement_timestamp())
RETURNING id
"""

_LOCK_OTHERS = """
SELECT id FROM acls_acl
WHERE tenant_id = %(tenant)s AND realm = %(realm)s AND form = 'place'
    AND id <> ALL (%(listed)s::bigint[])
ORDER BY external_id FOR NO KEY UPDATE
"""

_MAKE_PLAIN = """
UPDATE acls_acl SET mode = 'add', observed_at = %(observed_at)s,
    brought_by = CASE WHEN mode = 'add' THEN brought_by ELSE %(brought_by)s END
WHERE tenant_id = %(tenant)s AND id = ANY (%(ids)s::bigint[])
    AND (observed_at IS NULL OR observed_at <= %(observed_at)s
        OR observed_at > statement_timestamp())
RETURNING WITH (OLD AS before, NEW AS now) now.id, before.mode <> now.mode
"""


@dataclass(frozen=True, slots=True)
class Known:
    """A place as it is stored."""

    pk: int
    parent_id: int | None
    mode: str


def record(
    realm: str,
    told: Mapping[str, RemoteAcl],
    *,
    observed_at: datetime,
    brought_by: UUID | None = None,
) -> tuple[dict[str, int], set[int], set[int]]:
    """Store new places and values, and what is newer about known places, and keep the tree.

    Args:
        realm: the connection's namespace.
        told: places and values by their keys (see `external_ids.key`).
        observed_at: an older observation than the stored one changes nothing.
        brought_by: kept with the rows that change: the sync run, by uuid.

    Returns:
        the ids of all told ones by key; those among them that this observation may describe (a
        value that is known already is not among them, since it never changes); and those among
        these that are new, stand elsewhere or have another mode.

    Raises:
        BrokenTree: a parent is unknown, a place would lie below itself, or a value is not called
            by what it holds.
    """
    for acl in told.values():
        _require_well_named(acl)
    known = _known(realm, told)
    if _different(told, known):
        with connection.cursor() as cursor:
            cursor.execute(_LOCK_TREE, [required_tenant_id(), realm])
        known = _known(realm, told)
    ids = {name: place.pk for name, place in known.items()}
    new = [name for name in told if name not in ids]
    ids |= zip(new, row_ids.take("acls_acl", len(new)), strict=True)
    rows = [_row(acl, ids) for _, acl in sorted(told.items())]
    try:
        accepted = _write(realm, rows, observed_at, brought_by)
    except IntegrityError as error:
        raise BrokenTree("The source names a place that lies below itself.") from error
    moved = {ids[name] for name in _different(told, known)} & accepted
    return {name: ids[name] for name in told}, accepted, moved


def make_others_plain(
    realm: str, listed: set[int], *, observed_at: datetime, brought_by: UUID | None = None
) -> dict[int, bool]:
    """Let every place that is not listed add to its parent; return each, and if it was a cut.

    Their entries are the caller's to take away. Values stay: they are what they are.
    """
    tenant_id = required_tenant_id()
    others = Acl.objects.filter(tenant_id=tenant_id, realm=realm, form=Form.PLACE, mode=Mode.CUT)
    with connection.cursor() as cursor:
        if others.exclude(pk__in=listed).exists():
            cursor.execute(_LOCK_TREE, [tenant_id, realm])
        params: dict[str, Any] = {"tenant": tenant_id, "realm": realm, "listed": list(listed)}
        cursor.execute(_LOCK_OTHERS, params)
        params |= {"ids": [pk for (pk,) in cursor.fetchall()]}
        params |= {"observed_at": observed_at, "brought_by": brought_by}
        cursor.execute(_MAKE_PLAIN, params)
        return dict(cursor.fetchall())


def _require_well_named(acl: RemoteAcl) -> None:
    """Refuse a value that is not what its name says, and a place that is called like a value."""
    is_value = acl.form == Form.VALUE
    well_named = value.name_of(acl.entries) if is_value else ""
    if is_value and (acl.external_id != well_named or acl.parent or acl.mode != Mode.ADD):
        raise BrokenTree("A list of readers is not called by what it holds.")
    if not is_value and value.is_name(acl.external_id):
        raise BrokenTree("A place is called like a list of readers.")


def _known(realm: str, told: Mapping[str, RemoteAcl]) -> dict[str, Known]:
    names = set(told) | {key(acl.parent) for acl in told.values() if acl.parent is not None}
    rows = Acl.objects.filter(
        tenant_id=required_tenant_id(), realm=realm, external_id__in=names
    ).values_list("external_id", "pk", "parent_id", "mode")
    return {name: Known(pk, parent_id, mode) for name, pk, parent_id, mode in rows}


def _different(told: Mapping[str, RemoteAcl], known: Mapping[str, Known]) -> list[str]:
    """Return the keys of the told ones that would change the tree."""
    found = []
    for name, acl in told.items():
        place = known.get(name)
        above = known.get(key(acl.parent)) if acl.parent is not None else None
        is_same = place is not None and place.mode == acl.mode
        if place is None or not is_same or place.parent_id != (above.pk if above else None):
            found.append(name)
    return found


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
        "forms": str(acl.form),
        "parents": None if acl.parent is None else ids[key(acl.parent)],
        "modes": str(acl.mode),
    }


def _write(
    realm: str, rows: Sequence[dict[str, Any]], observed_at: datetime, brought_by: UUID | None
) -> set[int]:
    names = ("ids", "external_ids", "labels", "forms", "parents", "modes")
    params: dict[str, Any] = {name: [row[name] for row in rows] for name in names}
    params |= {"tenant": required_tenant_id(), "realm": realm, "observed_at": observed_at}
    params["brought_by"] = brought_by
    with connection.cursor() as cursor:
        cursor.execute(_RECORD, params)
        return {int(pk) for (pk,) in cursor.fetchall()}
