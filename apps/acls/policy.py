"""Policies: immutable ANDs of ORs of ACLs, one row for all documents that ask for the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from apps.acls import placement
from apps.acls.errors import InvalidPolicy
from apps.acls.external_ids import key
from apps.acls.models import Acl, Line, Policy, PolicyClause
from apps.connections.protocol import RemotePolicy
from apps.tenants.context import required_tenant_id

Clauses = tuple[tuple[int, ...], ...]

# The policy that admits nobody: one clause without an ACL, which no ACL can fulfil.
NOBODY: Clauses = ((),)

# The tenant's counter makes ordinals dense: its row is locked until the caller's transaction ends,
# so that whoever comes second sees what the first has made, and a rolled back number comes again.
_TAKE = """
UPDATE acls_placement SET next_ordinal = next_ordinal + %s WHERE tenant_id = %s
RETURNING next_ordinal - %s
"""

_INSERT = """
WITH made AS (
    INSERT INTO acls_policy (tenant_id, ordinal, fingerprint, clause_count)
    SELECT %(tenant)s, new.ordinal, new.fingerprint, new.clause_count
    FROM unnest(%(ordinals)s::int[], %(fingerprints)s::text[], %(counts)s::smallint[])
        new(ordinal, fingerprint, clause_count)
    RETURNING id, fingerprint, clause_count, ordinal
), linked AS (
    INSERT INTO acls_policyclause (tenant_id, policy_id, clause, acl_id, clause_count, ordinal)
    SELECT %(tenant)s, made.id, c.clause, c.acl, made.clause_count, made.ordinal
    FROM unnest(%(of)s::text[], %(clauses)s::smallint[], %(acls)s::bigint[]) c(of, clause, acl)
    JOIN made ON made.fingerprint = c.of
) SELECT fingerprint, id FROM made
"""


def policy_for(clauses: Sequence[Sequence[int]]) -> int:
    """Return the id of the policy with these clauses, making it when it is new.

    Args:
        clauses: ids of ACLs; all clauses must be fulfilled, each by one of its ACLs.

    Raises:
        InvalidPolicy: there is no clause, or an empty one.
    """
    return policies_for([clauses])[0]


def policies_for(many: Sequence[Sequence[Sequence[int]]]) -> list[int]:
    """Return the ids of many policies, in the order of the argument (see `policy_for`)."""
    normal = [_normal(clauses) for clauses in many]
    for clauses in normal:
        if not clauses or not all(clauses):
            raise InvalidPolicy(
                "A policy needs at least one clause, and each clause at least one ACL."
            )
    return _ids(normal)


def nobody() -> int:
    """Return the id of the reserved policy that admits nobody."""
    return _ids([NOBODY])[0]


def policies_for_places(realm: str, many: Sequence[RemotePolicy]) -> list[int]:
    """Return the ids of policies that a connector names by the external ids of places.

    A place that nobody told of grants nothing; a policy that so loses a clause, and the empty one,
    admit nobody.

    Args:
        realm: the connection's namespace.
        many: as items carry them.
    """
    wanted = {key(place) for policy in many for clause in policy for place in clause}
    known = dict(
        Acl.objects.filter(
            tenant_id=required_tenant_id(), realm=realm, external_id__in=wanted
        ).values_list("external_id", "pk")
    )
    normal = []
    for policy in many:
        clauses = _normal([known[key(p)] for p in clause if key(p) in known] for clause in policy)
        normal.append(clauses if clauses and all(clauses) else NOBODY)
    return _ids(normal)


def policies_within(realm: str, places: Sequence[str]) -> list[int]:
    """Return the ids of policies that rest on places, or on places below them, alone.

    A policy does where all ACLs of one of its clauses do: a file that stands in another channel,
    too, is not among them.

    Args:
        realm: the connection's namespace.
        places: external ids.
    """
    told = Acl.objects.filter(
        tenant_id=required_tenant_id(), realm=realm, external_id__in=[key(p) for p in places]
    )
    below = Line.objects.filter(ancestor__in=told.values("pk")).values("acl_id")
    inside = PolicyClause.objects.filter(acl__in=below)
    elsewhere = PolicyClause.objects.filter(
        policy=OuterRef("policy"), clause=OuterRef("clause")
    ).exclude(acl__in=below)
    alone = inside.filter(~Exists(elsewhere))
    return list(alone.values_list("policy_id", flat=True).distinct())


def _normal(clauses: Iterable[Iterable[int]]) -> Clauses:
    return tuple(sorted({tuple(sorted(set(clause))) for clause in clauses}))


def _fingerprint(clauses: Clauses) -> str:
    text = ";".join(",".join(map(str, clause)) for clause in clauses)
    return hashlib.sha256(text.encode()).hexdigest()


def _ids(many: Sequence[Clauses]) -> list[int]:
    wanted = {_fingerprint(clauses): clauses for clauses in many}
    found = _existing(wanted)
    if len(found) < len(wanted):
        with transaction.atomic():
            found |= _make({f: c for f, c in wanted.items() if f not in found})
    return [found[_fingerprint(clauses)] for clauses in many]


def _existing(fingerprints: Iterable[str]) -> dict[str, int]:
    known = Policy.objects.filter(
        tenant_id=required_tenant_id(), fingerprint__in=list(fingerprints)
    )
    return dict(known.values_list("fingerprint", "pk"))


def _make(missing: dict[str, Clauses]) -> dict[str, int]:
    tenant_id = required_tenant_id()
    placement.ensure()
    with connection.cursor() as cursor:
        # Taking nothing still locks the counter; afterwards nobody else can be making the same.
        cursor.execute(_TAKE, [0, tenant_id, 0])
        found = _existing(missing)
        new = {f: c for f, c in missing.items() if f not in found}
        if not new:
            return found
        cursor.execute(_TAKE, [len(new), tenant_id, len(new)])
        first = int(cursor.fetchone()[0])
        links = [
            (f, n, acl) for f, cs in new.items() for n, clause in enumerate(cs) for acl in clause
        ]
        cursor.execute(
            _INSERT,
            {
                "tenant": tenant_id,
                "ordinals": list(range(first, first + len(new))),
                "fingerprints": list(new),
                "counts": [len(clauses) for clauses in new.values()],
                "of": [link[0] for link in links],
                "clauses": [link[1] for link in links],
                "acls": [link[2] for link in links],
            },
        )
        return found | {str(fingerprint): int(pk) for fingerprint, pk in cursor.fetchall()}
