"""The one statement against an evaluator that shares no code with it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.acls import resolve
from apps.acls.models import Acl, AclEntry, Closure, Line, PolicyClause, Principal
from apps.tenants.context import tenant_context
from tests.acls.oracle import Oracle
from tests.acls.small_worlds import Company, edge, entry, principal, random_company
from tests.undone import undone
from tests.world import World

# Seeds and not `st.randoms`, whose favourite values make worlds in which little happens.
randomness = st.integers(0, 2**32).map(random.Random)
relaxed = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@contextmanager
def company(world: World, rng: random.Random) -> Iterator[Company]:
    with tenant_context(world.acme), undone():
        yield random_company(world.acme, [world.ada, world.bo, world.ida], rng)


def readable(made: Company) -> dict[int, set[int]]:
    return {u.pk: set(resolve.compute(u).ids.tolist()) for u in made.users}


@given(rng=randomness)
@settings(relaxed, max_examples=100)
def test_statement_equals_oracle_for_every_user(world: World, rng: random.Random) -> None:
    with company(world, rng) as made:
        oracle = Oracle.of(made.tenant.pk, timezone.now())
        assert readable(made) == {u.pk: oracle.readable(u.pk) for u in made.users}


@pytest.mark.slow
@given(rng=randomness)
@settings(relaxed, max_examples=1400)
def test_statement_equals_oracle_for_thousands_of_sets(world: World, rng: random.Random) -> None:
    with company(world, rng) as made:
        oracle = Oracle.of(made.tenant.pk, timezone.now())
        assert readable(made) == {u.pk: oracle.readable(u.pk) for u in made.users}


@given(rng=randomness)
@relaxed
def test_inline_scope_returns_the_same_ids(world: World, rng: random.Random) -> None:
    with company(world, rng) as made:
        for user in made.users:
            computed = resolve.compute(user)
            scope = computed.inline_scope()
            with connection.cursor() as cursor:
                cursor.execute(
                    f"WITH scope AS MATERIALIZED ({scope.cte}) TABLE scope", scope.params
                )
                ok, ids = cursor.fetchone()
            assert ok and ids == computed.ids.tolist()


@given(rng=randomness)
@relaxed
def test_another_allow_never_narrows_and_another_denial_never_widens(
    world: World, rng: random.Random
) -> None:
    with company(world, rng) as made:
        before = readable(made)
        for allow in (True, False):
            someone = principal(made.tenant)
            edge(rng.choice(made.principals), someone)
            place = rng.choice(made.acls)
            # Tried before all others of its place.
            AclEntry.objects.filter(content_object=place).update(ord=F("ord") + 1)
            entry(place, someone, allow=allow, ord=0)
            after = readable(made)
            for user, ids in before.items():
                assert ids <= after[user] if allow else after[user] <= ids
            before = after


@given(rng=randomness)
@relaxed
def test_an_unknown_group_is_no_wider_than_the_truth(world: World, rng: random.Random) -> None:
    with company(world, rng) as made:
        group = rng.choice([p for p in made.principals if p.kind in ("group", "domain")])
        Principal.objects.filter(pk=group.pk).update(members_known=True)
        known = readable(made)
        Principal.objects.filter(pk=group.pk).update(members_known=False)
        for user, ids in readable(made).items():
            assert ids <= known[user]


@given(rng=randomness)
@relaxed
def test_lines_are_the_chains_of_parents_after_any_move(world: World, rng: random.Random) -> None:
    with company(world, rng) as made:
        for _ in range(3):
            places = list(Acl.objects.filter(tenant=made.tenant, form="place").order_by("pk"))
            if not places:
                return
            moved = rng.choice(places)
            below = set(Line.objects.filter(ancestor=moved).values_list("acl_id", flat=True))
            targets = [p for p in places if p.pk not in below]
            moved.parent = rng.choice([None, *targets])
            moved.mode = rng.choice(["add", "cut"])
            moved.save()
            assert _lines(made) == _walked(made)


def _lines(made: Company) -> set[tuple[int, int, int, bool]]:
    rows = Line.objects.filter(tenant=made.tenant)
    return set(rows.values_list("acl_id", "ancestor_id", "distance", "cut"))


def _walked(made: Company) -> set[tuple[int, int, int, bool]]:
    found = set()
    by_id = {a.pk: a for a in Acl.objects.filter(tenant=made.tenant)}
    for start in by_id.values():
        place: Acl | None = start
        distance, cut = 0, False
        while place is not None:
            found.add((start.pk, place.pk, distance, cut))
            cut, distance = cut or place.mode == "cut", distance + 1
            place = by_id.get(place.parent_id) if place.parent_id else None
    return found


@given(rng=randomness)
@relaxed
def test_closure_equals_the_recomputed_closure_after_every_step(
    world: World, rng: random.Random
) -> None:
    with company(world, rng) as made:
        groups = [p for p in made.principals if p.kind in ("group", "domain")]
        for _ in range(6):
            member, group = rng.choice(groups), rng.choice(groups)
            edges = list(member.edges_up.filter(group=group))
            if edges:
                edges[0].delete()
            elif member != group:
                edge(member, group)
            _assert_closed(made, groups)


def _assert_closed(made: Company, groups: list[Principal]) -> None:
    now = timezone.now()
    oracle = Oracle.of(made.tenant.pk, now)
    rows = Closure.objects.filter(tenant=made.tenant).values_list(
        "group_id", "ancestor_id", "until"
    )
    stored = {(g, a) for g, a, until in rows if until is None or until > now}
    assert stored == {(g.pk, a) for g in groups for a in oracle.ancestors(g.pk) | {g.pk}}


def test_a_policy_that_lost_its_clauses_admits_nobody(world: World) -> None:
    with company(world, random.Random(3)) as made:  # noqa: S311  the same world each time
        PolicyClause.objects.filter(tenant=made.tenant).delete()
        assert readable(made) == {u.pk: set() for u in made.users}
