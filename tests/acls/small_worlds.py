"""Random small companies that use everything the tables can hold, and single rows for the tests."""

from __future__ import annotations

import copy
import random
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from apps.accounts.models import User
from apps.acls import entries as entry_rows
from apps.acls import placement, policy
from apps.acls.models import Acl, AclEntry, Claim, Edge, KeptApart, Placement, Principal
from apps.connections.models import Connection
from apps.tenants.models import Membership, Tenant

# Kenward's own, as far as the engine can tell: no connection brings it, and it has no age.
REALM = "test"
# Each the realm of a connection, with an age.
SOURCES = ("drive", "wiki")


def principal(tenant: Tenant, kind: str = "group", label: str = "", **fields: Any) -> Principal:
    name = label or uuid.uuid4().hex
    fields = {"realm": REALM, **fields}
    return Principal.objects.create(
        tenant=tenant, kind=kind, external_id=name, label=name, **fields
    )


def edge(member: Principal, group: Principal, **fields: Any) -> Edge:
    return Edge.objects.create(tenant_id=group.tenant_id, member=member, group=group, **fields)


def claim(user: User, identity: Principal, **fields: Any) -> Claim:
    return Claim.objects.create(
        tenant_id=identity.tenant_id, user=user, principal=identity, source="admin", **fields
    )


def apart(user: User, identity: Principal, **fields: Any) -> KeptApart:
    return KeptApart.objects.create(
        tenant_id=identity.tenant_id, user=user, principal=identity, **fields
    )


def acl(tenant: Tenant, label: str = "", **fields: Any) -> Acl:
    name = label or uuid.uuid4().hex
    fields = {"realm": REALM, **fields}
    return Acl.objects.create(tenant=tenant, external_id=name, label=name, **fields)


def source(tenant: Tenant, realm: str, **fields: Any) -> Connection:
    return Connection.objects.create(
        tenant=tenant, kind="memory", name=f"{realm} {uuid.uuid4().hex}", realm=realm, **fields
    )


def entry(place: Acl, who: Principal, *, allow: bool = True, **fields: Any) -> AclEntry:
    made: AclEntry = AclEntry.objects.create(
        tenant_id=place.tenant_id,
        content_object=place,
        group=who,
        permission_id=entry_rows.permission_ids()[allow],
        **fields,
    )
    return made


@dataclass
class Company:
    """What a random world consists of."""

    tenant: Tenant
    users: list[User]
    principals: list[Principal]
    acls: list[Acl]
    policies: list[int]


def random_company(tenant: Tenant, users: list[User], rng: random.Random) -> Company:
    placement.ensure()
    now = timezone.now()
    _sources(tenant, rng, now)
    people, groups = _principals(tenant, rng, now)
    for member in people + groups:
        for group in rng.sample(groups, k=min(len(groups), rng.randint(0, 2))):
            if group != member:
                edge(member, group, expires_at=_time(rng, now))
    for person in people:
        if person.kind == "user" and rng.random() < 0.8:
            claim(rng.choice(users), person)
    Membership.objects.filter(user=users[-1]).update(is_guest=rng.random() < 0.5)
    places = _places(tenant, rng)
    for place in places:
        for who in rng.sample(people + groups, k=rng.randint(0, min(4, len(people)))):
            entry(
                place,
                who,
                allow=rng.random() < 0.7,
                ord=rng.randint(0, 2),
                sticky=rng.random() < 0.3,
                starts_at=_time(rng, now),
                expires_at=_time(rng, now),
            )
    wanted = [
        [
            rng.sample(places, k=rng.randint(1, min(2, len(places))))
            for _ in range(rng.randint(1, 3))
        ]
        for _ in range(8)
    ] + [[[place]] for place in places]
    ids = policy.policies_for([[[a.pk for a in c] for c in clauses] for clauses in wanted])
    _give_up(people, users, copy.deepcopy(rng), now)
    return Company(tenant, users, people + groups, places, [*ids, policy.nobody()])


def _give_up(people: list[Principal], users: list[User], rng: random.Random, now: datetime) -> None:
    """Let people have been identities, some of them wrongly."""
    for identity in people:
        if identity.kind != "user" or rng.random() < 0.2:
            continue
        if rng.random() < 0.3:
            Claim.objects.filter(principal=identity).update(ended_at=now)
        user = rng.choice(users)
        claim(user, identity, ended_at=now)
        if rng.random() < 0.3:
            apart(user, identity, ended_at=rng.choice([None, now]))


def _sources(tenant: Tenant, rng: random.Random, now: datetime) -> None:
    """Connect two sources; half of all worlds are fresh throughout."""
    is_fresh = rng.random() < 0.5
    for realm in SOURCES:
        ages = [timedelta(minutes=5)] * 4 + [timedelta(hours=2), None]
        age = ages[0] if is_fresh else rng.choice(ages)
        source(
            tenant,
            realm,
            permissions_confirmed_at=None if age is None else now - age,
            permissions_max_age_s=rng.choice([600, 3600]),
            when_stale=rng.choice(["hide", "hide", "check"]),
        )
    if not is_fresh and rng.random() < 0.1:
        Placement.objects.filter(tenant=tenant).update(attended_at=now - timedelta(minutes=20))


def _realm(rng: random.Random) -> str:
    return rng.choice([REALM, REALM, *SOURCES])


def _time(rng: random.Random, now: datetime) -> datetime | None:
    return rng.choice([None, None, None, now - timedelta(hours=1), now + timedelta(hours=1)])


def _principals(
    tenant: Tenant, rng: random.Random, now: datetime
) -> tuple[list[Principal], list[Principal]]:
    people = [
        principal(
            tenant,
            "user",
            realm=_realm(rng),
            is_active=rng.random() < 0.9,
            deleted_at=now if rng.random() < 0.1 else None,
        )
        for _ in range(rng.randint(1, 5))
    ]
    people += [principal(tenant, k) for k in ("members", "everyone", "link") if rng.random() < 0.5]
    groups = [
        principal(
            tenant,
            rng.choice(["group", "group", "domain"]),
            realm=_realm(rng),
            members_known=rng.random() < 0.65,
            deleted_at=now if rng.random() < 0.1 else None,
        )
        for _ in range(rng.randint(1, 6))
    ]
    return people, groups


def _places(tenant: Tenant, rng: random.Random) -> list[Acl]:
    places: list[Acl] = []
    for _ in range(rng.randint(1, 7)):
        if rng.random() < 0.15:
            places.append(acl(tenant, form="value", realm=_realm(rng)))
            continue
        realm = _realm(rng)
        above = [place for place in places if place.form == "place" and place.realm == realm]
        parent = rng.choice(above) if above and rng.random() < 0.8 else None
        places.append(
            acl(tenant, realm=realm, parent=parent, mode=rng.choice(["add", "add", "cut"]))
        )
    return places
