"""Whatever row goes, by whichever way: nobody reads more afterwards, or the row does not go.

A cascade could take away a restriction or a denial. So every row of every tenant table is deleted
once by the ORM, with its cascades, and once by plain SQL as the application's role. Tables that
follow from others (closure, lines) are left to their triggers, which alone write them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from django.db import DatabaseError, IntegrityError, connection, models, transaction
from django.db.models import ProtectedError, RestrictedError

from apps.acls import entries as entry_rows
from apps.acls import policy, resolve
from apps.acls.models import AclEntry, Claim, Closure, Edge, Line, UserGroup
from apps.connections.models import Connection
from apps.errors import KenwardError
from apps.tenants.context import tenant_context
from tests.acls.small_worlds import Company, acl, claim, entry, principal, random_company, source
from tests.contracts.tenant_rows import tenant_models
from tests.undone import undone
from tests.world import World

DERIVED = (Closure, Line, UserGroup)
REFUSALS = (ProtectedError, RestrictedError, DatabaseError, KenwardError)
Way = Callable[[models.Model], object]


def _by_orm(row: models.Model) -> None:
    row.delete()


def _by_sql(row: models.Model) -> None:
    key = row._meta.pk
    assert key is not None
    with connection.cursor() as cursor:
        cursor.execute(
            f'DELETE FROM "{row._meta.db_table}" WHERE "{key.column}" = %s',
            [key.get_db_prep_value(row.pk, connection)],
        )


WAYS: dict[str, Way] = {"the ORM": _by_orm, "SQL": _by_sql}


def readable(made: Company) -> dict[int, set[int]]:
    return {user.pk: set(resolve.compute(user).ids.tolist()) for user in made.users}


def _denials() -> models.QuerySet[AclEntry]:
    return AclEntry.objects.exclude(permission_id=entry_rows.permission_ids()[True])


def _is_own_command(row: models.Model) -> bool:
    """Return whether the row is a denial, or the one way into what is denied."""
    if isinstance(row, AclEntry):
        return row in _denials()
    return isinstance(row, Edge | Claim)


@dataclass
class Found:
    """The tables whose rows went, and those whose going let somebody read more."""

    went: set[str] = field(default_factory=set)
    widened: set[str] = field(default_factory=set)


def _try(made: Company, row: models.Model, way: Way, found: Found) -> None:
    """Delete a row, compare, and take it back."""
    with suppress(*REFUSALS), undone():
        if _is_own_command(row):
            _denials().delete()
        before = readable(made)
        way(row)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        found.went.add(row._meta.label)
        after = readable(made)
        if any(not after[user] <= ids for user, ids in before.items()):
            found.widened.add(row._meta.label)


def _rows() -> Iterator[models.Model]:
    for model in tenant_models():
        if model not in DERIVED:
            manager = getattr(model, "with_canaries", model._default_manager)
            yield from manager.order_by("pk")[:25]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seed", [1, pytest.param(5, marks=pytest.mark.slow)])
def test_no_deletion_lets_anybody_read_more(world: World, seed: int, way: str) -> None:
    found = Found()
    with tenant_context(world.acme):
        rng = random.Random(seed)  # noqa: S311  the same world each time
        made = random_company(world.acme, [world.ada, world.bo, world.ida], rng)
        assert any(readable(made).values())
        for row in _rows():
            _try(made, row, WAYS[way], found)
    assert found.widened == set()
    assert {"acls.AclEntry", "acls.Edge", "acls.Claim"} <= found.went


@pytest.mark.parametrize("way", WAYS)
def test_a_source_with_stale_permissions_does_not_become_fresh_by_going(
    world: World, way: str
) -> None:
    with tenant_context(world.acme):
        stale = source(world.acme, "drive", permissions_confirmed_at=None)
        me = principal(world.acme, "user", realm="drive")
        claim(world.ada, me)
        entry(place := acl(world.acme, realm="drive"), me)
        pk = policy.policy_for([[place.pk]])
        assert pk not in resolve.compute(world.ada).ids
        with suppress(*REFUSALS), transaction.atomic():
            WAYS[way](stale)
        assert pk not in resolve.compute(world.ada).ids


def test_a_connections_realm_is_fixed(world: World) -> None:
    with tenant_context(world.acme):
        stale = source(world.acme, "drive", permissions_confirmed_at=None)
        with pytest.raises(IntegrityError), transaction.atomic():
            Connection.objects.filter(pk=stale.pk).update(realm="elsewhere")
