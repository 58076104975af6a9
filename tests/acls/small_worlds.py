"""Random small companies that use everything the tables can hold, and single rows for the tests."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from apps.accounts.models import User
from apps.acls import entries as entry_rows
from apps.acls import placement, policy
from apps.acls.models import Acl, AclEntry, Claim, Edge, Principal
from apps.tenants.models import Membership, Tenant

REALM = "test"


def principal(tenant: Tenant, kind: str = "group", label: str = "", **fields: Any) -> Principal:
    name = label or uuid.uuid4().hex
    return Principal.objects.create(
        tenant=tenant, realm=REALM, kind=kind, external_id=name, label=name, **fields
    )


def edge(member: Principal, group: Principal, **fields: Any) -> Edge:
    return Edge.objects.create(tenant_id=group.tenant_id, member=member, group=group, **fields)


def claim(user: User, identity: Principal) -> Claim:
    return Claim.objects.create(
        tenant_id=identity.tenant_id, user=user, principal=identity, source="admin"
    )


def acl(tenant: Tenant, label: str = "", **fields: Any) -> Acl:
    name = label or uuid.uuid4().hex
    return Acl.objects.create(tenant=tenant, realm=REALM, external_id=name, label=name, **fields)


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
    return Company(tenant, users, people + groups, places, [*ids, policy.nobody()])


def _time(rng: random.Random, now: datetime) -> datetime | None:
    return rng.choice([None, None, None, now - timedelta(hours=1), now + timedelta(hours=1)])


def _principals(
    tenant: Tenant, rng: random.Random, now: datetime
) -> tuple[list[Principal], list[Principal]]:
    people = [
        principal(
            tenant,
            "user",
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
            places.append(acl(tenant, form="value"))
            continue
        above = [place for place in places if place.form == "place"]
        parent = rng.choice(above) if above and rng.random() < 0.8 else None
        places.append(acl(tenant, parent=parent, mode=rng.choice(["add", "add", "cut"])))
    return places
