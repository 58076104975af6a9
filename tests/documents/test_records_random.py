"""Records of random documents in random companies: valid by the schemas, never too wide."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone
from hypothesis import given, settings

from apps.accounts.models import User
from apps.acls.classes import Classification
from apps.acls.models import AccessRule
from apps.connections.models import Connection, WhenStale
from apps.connections.protocol import ItemKind, Level
from apps.documents import access, normalised, record_permissions
from apps.documents.models import Document, DocumentText
from apps.documents.record_permissions import Carried
from apps.errors import NotFound
from apps.tenants.models import Membership, Role
from tests.acls.oracle import Oracle
from tests.acls.small_worlds import Company, source
from tests.acls.test_statement_equals_oracle import company, randomness, relaxed
from tests.documents.record_schemas import problems, validator
from tests.world import World

WORDS = ("", "Plan", "Zoë’s “plan” \\ 2\n", "計画", "a" * 900)


def some_documents(made: Company, rng: random.Random) -> list[Document]:
    now = timezone.now()
    fresh = source(made.tenant, f"docs {rng.random()}", permissions_confirmed_at=now)
    sources = [fresh, fresh, *Connection.objects.filter(tenant=made.tenant)]
    for _ in range(rng.choice([0, 0, 1])):
        AccessRule.objects.create(
            tenant=made.tenant, classification=rng.choice(Classification.values), requires_mfa=True
        )
    return [
        a_document(rng, rng.choice(sources), policy_id, number)
        for number, policy_id in enumerate(made.policies)
    ]


def a_document(rng: random.Random, of: Connection, policy_id: int, number: int) -> Document:
    now = timezone.now()
    times = [None, now, datetime(1999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)]
    document = Document.objects.create(
        tenant_id=of.tenant_id,
        connection=of,
        external_id=f"{number}",
        policy_id=policy_id,
        title=rng.choice(WORDS),
        path=f"a/{number}",
        url=rng.choice(["", "https://source.example/ü?q=1"]),
        kind=rng.choice(list(ItemKind)).value,
        mime_type=rng.choice(["", "text/plain"]),
        size_bytes=rng.choice([0, 2**50]),
        source_created_at=rng.choice(times),
        source_modified_at=rng.choice(times),
        author=rng.choice(["", "Grace"]),
        labels=rng.sample(["won", "eu", "ü"], k=rng.randint(0, 3)),
        fields=rng.choice([{}, {"stage": "won", "n": [1, None, {"a": 0.5}]}]),
        classification=rng.choice(Classification.values),
        source_version=str(number),
        version=rng.randint(1, 3),
        failure=rng.choice(["", "", "empty"]),
        last_synced_at=now,
        deleted_at=rng.choice([None] * 5 + [now]),
    )
    if rng.random() < 0.7:
        DocumentText.objects.create(
            tenant_id=of.tenant_id,
            document=document,
            version=rng.randint(1, document.version),
            text=rng.choice(WORDS),
            pages=rng.choice([None, 3]),
        )
    return document


def named_by(permissions: dict[str, Any], oracle: Oracle) -> set[int]:
    """Return the members whom a record says to read, from the rows alone."""
    by_uuid = {row["uuid"]: pk for pk, row in oracle.principals.items()}
    users, groups = (
        {by_uuid[UUID(one["id"])] for one in permissions[name]} for name in ("users", "groups")
    )
    said = {claim["user_id"] for claim in oracle.claims if claim["principal_id"] in users}
    for user_id, row in oracle.memberships.items():
        if not row["is_active"]:
            continue
        is_public = permissions["public"] == "everyone" or (
            permissions["public"] == "members" and not row["is_guest"]
        )
        if is_public or oracle._principals_of(user_id, row) & groups:
            said.add(user_id)
    return said


def asks_source(document: Document) -> bool:
    of = document.connection
    if of.when_stale != WhenStale.CHECK:
        return False
    confirmed, age = of.permissions_confirmed_at, timedelta(seconds=of.permissions_max_age_s)
    return confirmed is None or confirmed + age <= timezone.now()


def check_lists(permissions: dict[str, Any], oracle: Oracle, readers: set[int]) -> None:
    said = named_by(permissions, oracle)
    assert said <= readers, f"{said - readers} are named and may not read"
    assert not permissions["exact"] or said == readers
    assert [error.message for error in validator("permissions").iter_errors(permissions)] == []


def check_for(
    user: User, document: Document, others: list[User], oracle: Oracle, readers: set[int]
) -> None:
    if user.pk not in readers:
        with pytest.raises(NotFound):
            normalised.for_user(user, document.uuid)
        return
    found = normalised.for_user(user, document.uuid)
    assert problems(found) == []
    permissions = found["permissions"]
    if permissions["shown"] == "own":
        assert not any(other.email in str(permissions) for other in others)
    check_lists(permissions, oracle, readers)


def check_world(world: World, rng: random.Random) -> None:
    with company(world, rng) as made:
        for user in made.users:
            role = rng.choice([Role.MEMBER, Role.IT_ADMIN, Role.AUDITOR])
            Membership.objects.filter(user=user).update(role=role)
        documents = some_documents(made, rng)
        oracle = Oracle.of(made.tenant.pk, timezone.now())
        for document in documents:
            readers = {u.pk for u in made.users if access.can_read(u, document)}
            for user in made.users:
                others = [other for other in made.users if other != user]
                check_for(user, document, others, oracle, readers)
            if document.deleted_at is None:
                carried = Carried(
                    document.policy_id,
                    document.classification,
                    document.connection.permissions_confirmed_at,
                    asks_source(document),
                )
                told = record_permissions.whole(carried, Level.READ)
                check_lists(told, oracle, readers)


@given(rng=randomness)
@settings(relaxed, max_examples=8)
def test_records_are_valid_and_name_nobody_who_may_not_read(
    world: World, rng: random.Random
) -> None:
    check_world(world, rng)


@pytest.mark.slow
@given(rng=randomness)
@settings(relaxed, max_examples=150)
def test_records_of_many_companies(world: World, rng: random.Random) -> None:
    check_world(world, rng)
