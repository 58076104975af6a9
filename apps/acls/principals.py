"""Records the principals that a source names."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import connection

from apps.acls import row_ids
from apps.acls.external_ids import MAX_LABEL, key
from apps.acls.models import NESTING_KINDS, Principal
from apps.connections.protocol import PrincipalKind, RemoteGroup, RemotePrincipal
from apps.tenants.context import required_tenant_id

Name = tuple[str, str]  # kind and external id
Ids = dict[Name, int]

# One upsert by the unique key, in its order: no join that could trust a new table's statistics, and
# no two syncs that wait for each other in a circle. A mention that says nothing new about a name
# leaves the row alone, but a person's address is dated each time: the order of observations
# decides whose it is. A group is dated by its list, not by being mentioned. A time in the future
# does not count as newer: a clock ran ahead.
_RECORD = """
INSERT INTO acls_principal AS p (tenant_id, group_ptr_id, uuid, realm, kind, external_id, label,
    email, is_active, members_known, observed_at)
SELECT %(tenant)s, n.id, gen_random_uuid(), %(realm)s, n.kind, n.external_id, n.label, n.email,
    n.is_active, NOT n.nests, CASE WHEN n.nests THEN NULL ELSE %(observed_at)s END
FROM unnest(%(ids)s::bigint[], %(kinds)s::text[], %(external_ids)s::text[], %(labels)s::text[],
    %(emails)s::text[], %(actives)s::boolean[], %(nests)s::boolean[])
    n(id, kind, external_id, label, email, is_active, nests)
ON CONFLICT (tenant_id, realm, kind, external_id) DO UPDATE
SET label = coalesce(nullif(excluded.label, ''), p.label),
    email = coalesce(nullif(excluded.email, ''), p.email),
    observed_at = coalesce(excluded.observed_at, p.observed_at),
    deleted_at = NULL
WHERE (p.observed_at IS NULL OR p.observed_at <= %(observed_at)s
        OR p.observed_at > statement_timestamp())
    AND (p.deleted_at IS NULL OR p.deleted_at <= %(observed_at)s
        OR p.deleted_at > statement_timestamp())
    AND (p.deleted_at IS NULL OR p.group_ptr_id <> ALL (%(gone)s::bigint[]))
    AND (excluded.email <> '' OR excluded.label NOT IN ('', p.label) OR p.deleted_at IS NOT NULL)
"""

# After the upsert, which has locked these rows in its order. Whether a directory lets somebody in
# is dated each time it is told, like an address: the order of observations decides.
_RECORD_ACTIVITY = """
UPDATE acls_principal
SET is_active = group_ptr_id <> ALL (%(inactive)s::bigint[]), observed_at = %(observed_at)s
WHERE tenant_id = %(tenant)s AND group_ptr_id = ANY (%(ids)s::bigint[])
    AND (observed_at IS NULL OR observed_at <= %(observed_at)s
        OR observed_at > statement_timestamp())
"""

# Second, since its reference is only checked at the end of the transaction: where another sync was
# faster with a principal, no group without one stays behind.
_NAME_GROUPS = """
INSERT INTO auth_group (id, name) SELECT group_ptr_id, 'principal:' || uuid FROM acls_principal
WHERE tenant_id = %(tenant)s AND group_ptr_id = ANY (%(ids)s::bigint[])
"""

_LOCK = """
SELECT group_ptr_id FROM acls_principal
WHERE tenant_id = %(tenant)s AND group_ptr_id = ANY (%(ids)s::bigint[])
ORDER BY group_ptr_id FOR NO KEY UPDATE
"""

_ACCEPT_LISTS = """
UPDATE acls_principal
SET observed_at = %(observed_at)s, members_known = group_ptr_id = ANY (%(known)s::bigint[])
WHERE tenant_id = %(tenant)s AND group_ptr_id = ANY (%(ids)s::bigint[])
    AND (observed_at IS NULL OR observed_at <= %(observed_at)s
        OR observed_at > statement_timestamp())
RETURNING group_ptr_id
"""

_DATE_UNLISTED = """
UPDATE acls_principal SET observed_at = %(observed_at)s
WHERE tenant_id = %(tenant)s AND group_ptr_id = ANY (%(ids)s::bigint[])
    AND (observed_at IS NULL OR observed_at <= %(observed_at)s
        OR observed_at > statement_timestamp())
RETURNING group_ptr_id
"""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The principals' ids, and whether somebody's address may have changed hands."""

    ids: Ids
    people_changed: bool


def record(
    realm: str,
    mentioned: Iterable[RemotePrincipal],
    *,
    observed_at: datetime,
    deleted: Collection[Name] = (),
) -> Recorded:
    """Store principals that are new, and what is newer about known ones.

    A group is new with unknown members, until its list has been seen.

    Args:
        realm: the namespace in which the source names people and groups.
        mentioned: each as often as it occurs.
        observed_at: an older observation than the stored one changes nothing.
        deleted: those of the mentioned groups that the source has no more: a mention does not
            bring these back.
    """
    named = merged(mentioned)
    before = _people_fingerprint(realm, named)
    known = _ids(realm, named)
    new = [name for name in named if name not in known]
    known |= zip(new, row_ids.take("auth_group", len(new)), strict=True)
    _write(realm, known, named, observed_at, gone=[known[name] for name in deleted])
    if new:
        taken = [known[name] for name in new]
        known |= _ids(realm, {name: named[name] for name in new})
        _execute(_NAME_GROUPS, ids=sorted({known[name] for name in new} & set(taken)))
    _write_activity(known, named, observed_at)
    return Recorded(known, people_changed=_people_fingerprint(realm, named) != before)


def accept_lists(
    ids: Ids, groups: Iterable[RemoteGroup], *, observed_at: datetime
) -> dict[int, RemoteGroup]:
    """Date the groups whose list this observation may replace, and return these, by id."""
    wanted = {ids[name_of(group.principal)]: group for group in groups}
    _execute(_LOCK, ids=list(wanted))
    known = [pk for pk, group in wanted.items() if group.is_known]
    accepted = _execute(_ACCEPT_LISTS, ids=list(wanted), known=known, observed_at=observed_at)
    return {pk: wanted[pk] for pk in accepted}


def unlisted(realm: str, listed: Iterable[int], *, observed_at: datetime) -> list[int]:
    """Date the realm's groups that a complete observation does not list, and return their ids."""
    others = Principal.objects.filter(
        tenant_id=required_tenant_id(), realm=realm, kind__in=NESTING_KINDS
    ).exclude(pk__in=set(listed))
    ids = list(others.values_list("pk", flat=True))
    _execute(_LOCK, ids=ids)
    return _execute(_DATE_UNLISTED, ids=ids, observed_at=observed_at)


def name_of(principal: RemotePrincipal) -> Name:
    """Return what identifies a principal within its realm."""
    return (str(principal.kind), key(principal.external_id))


def merged(mentioned: Iterable[RemotePrincipal]) -> dict[Name, RemotePrincipal]:
    """Return each principal once, with all that its mentions say, as it is stored."""
    named: dict[Name, RemotePrincipal] = {}
    for one in mentioned:
        name = name_of(one)
        is_person = one.kind == PrincipalKind.USER
        email = one.email.strip().lower() if is_person else ""
        seen = named.get(name)
        named[name] = replace(
            one,
            external_id=name[1],
            label=(one.label or (seen.label if seen else ""))[:MAX_LABEL],
            email=email or (seen.email if seen else ""),
            is_active=_activity(one, seen),
        )
    return named


def _activity(*mentions: RemotePrincipal | None) -> bool | None:
    """Join what mentions say of one person: whoever is shut out once is out."""
    said = [one.is_active for one in mentions if one is not None and one.is_active is not None]
    return all(said) if said else None


def _rows(realm: str, named: Mapping[Name, RemotePrincipal]) -> Any:
    return Principal.objects.filter(
        tenant_id=required_tenant_id(), realm=realm, external_id__in={name[1] for name in named}
    )


def _ids(realm: str, named: Mapping[Name, RemotePrincipal]) -> Ids:
    rows = _rows(realm, named).values_list("kind", "external_id", "pk")
    return {(kind, external_id): pk for kind, external_id, pk in rows}


def _people_fingerprint(realm: str, named: Mapping[Name, RemotePrincipal]) -> set[Any]:
    people = _rows(realm, named).filter(kind=PrincipalKind.USER)
    return set(people.values_list("external_id", "email", "is_active", "deleted_at"))


def _write(
    realm: str,
    ids: Ids,
    named: Mapping[Name, RemotePrincipal],
    observed_at: datetime,
    gone: list[int],
) -> None:
    ordered = sorted(named.items())
    people = [one for _, one in ordered]
    _execute(
        _RECORD,
        realm=realm,
        ids=[ids[name] for name, _ in ordered],
        kinds=[str(one.kind) for one in people],
        external_ids=[one.external_id for one in people],
        labels=[one.label for one in people],
        emails=[one.email for one in people],
        actives=[one.is_active is not False or one.kind in NESTING_KINDS for one in people],
        nests=[one.kind in NESTING_KINDS for one in people],
        gone=gone,
        observed_at=observed_at,
    )


def _write_activity(ids: Ids, named: Mapping[Name, RemotePrincipal], observed_at: datetime) -> None:
    """Keep whom the source's directory lets in. Of groups it is not kept: their denials stay."""
    told = {
        ids[name]: one.is_active
        for name, one in named.items()
        if one.is_active is not None and one.kind not in NESTING_KINDS
    }
    if told:
        shut_out = [pk for pk, is_active in told.items() if not is_active]
        _execute(_RECORD_ACTIVITY, ids=sorted(told), inactive=shut_out, observed_at=observed_at)


def _execute(statement: str, **params: Any) -> list[int]:
    """Run a statement on the bound tenant's rows and return the ids it names, if it does."""
    with connection.cursor() as cursor:
        cursor.execute(statement, params | {"tenant": required_tenant_id()})
        return [int(pk) for (pk,) in cursor.fetchall()] if cursor.description else []
