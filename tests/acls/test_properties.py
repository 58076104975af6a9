"""What no change of its kind may ever do to anybody, whatever the company looks like."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F, QuerySet
from django.utils import timezone
from hypothesis import example, given, settings
from hypothesis import strategies as st

from apps.acls import entries as entry_rows
from apps.acls import policy
from apps.acls.models import (
    Acl,
    AclEntry,
    Closure,
    Edge,
    Line,
    Placement,
    PolicyClause,
    Principal,
)
from apps.connections.models import Connection
from apps.connections.protocol import Mode
from tests.acls.small_worlds import Company
from tests.acls.test_statement_equals_oracle import company, readable, relaxed
from tests.world import World

# A company in which somebody reads something in comparisons of every property.
TELLING = 1
Sets = dict[int, set[int]]
Pairs = Iterator[tuple[Sets, Sets]]
# Yields pairs of what people read: by the first nobody may read what they do not by the second.
Property = Callable[[Company, random.Random], Pairs]
PROPERTIES: dict[str, Property] = {}


def holds(check: Property) -> Property:
    PROPERTIES[check.__name__] = check
    return check


def clauses_of(pk: int) -> list[list[int]]:
    found: dict[int, list[int]] = {}
    for row in PolicyClause.objects.filter(policy_id=pk):
        found.setdefault(row.clause, []).append(row.acl_id)
    return list(found.values())


def denials() -> QuerySet[AclEntry]:
    return AclEntry.objects.exclude(permission_id=entry_rows.permission_ids()[True])


@holds
def another_clause_never_widens_and_another_alternative_never_narrows(
    made: Company, rng: random.Random
) -> Pairs:
    places = [a.pk for a in made.acls]
    before = {pk: clauses_of(pk) for pk in made.policies[:-1]}
    stricter = {
        pk: policy.policy_for([*clauses, [rng.choice(places)]]) for pk, clauses in before.items()
    }
    wider = {
        pk: policy.policy_for([[*clauses[0], rng.choice(places)], *clauses[1:]])
        for pk, clauses in before.items()
    }
    reads = readable(made)
    plain = {user: ids & before.keys() for user, ids in reads.items()}
    yield {user: {pk for pk in before if stricter[pk] in ids} for user, ids in reads.items()}, plain
    yield plain, {user: {pk for pk in before if wider[pk] in ids} for user, ids in reads.items()}


@holds
def to_leave_a_group_that_nothing_is_denied_never_widens(
    made: Company, rng: random.Random
) -> Pairs:
    denied = set(denials().values_list("group_id", flat=True))
    under = Closure.objects.filter(ancestor__in=denied).values_list("group_id", flat=True)
    edges = Edge.objects.exclude(group__in=set(under) | denied).order_by("pk")
    before = readable(made)
    for left in edges:
        left.delete()
        after = readable(made)
        yield after, before
        before = after


@holds
def an_unknown_group_is_no_wider_than_with_anybody_in_it_or_out_of_it(
    made: Company, rng: random.Random
) -> Pairs:
    group = rng.choice([p for p in made.principals if p.kind in ("group", "domain")])
    someone = rng.choice([p for p in made.principals if p.pk != group.pk])
    row = Principal.objects.filter(pk=group.pk)
    Edge.objects.filter(member=someone, group=group).delete()
    row.update(members_known=False)
    unknown = readable(made)
    row.update(members_known=True)
    yield unknown, readable(made)
    Edge.objects.create(tenant=made.tenant, member=someone, group=group)
    yield unknown, readable(made)


@holds
def where_nothing_is_denied_a_cut_never_widens(made: Company, rng: random.Random) -> Pairs:
    denials().delete()
    before = readable(made)
    for place in Acl.objects.filter(form="place", mode=Mode.ADD).order_by("?"):
        Acl.objects.filter(pk=place.pk).update(mode=Mode.CUT)
        after = readable(made)
        yield after, before
        before = after


@holds
def where_nothing_is_denied_a_new_parent_never_narrows_and_none_never_widens(
    made: Company, rng: random.Random
) -> Pairs:
    denials().delete()
    for place in Acl.objects.filter(form="place").order_by("pk"):
        before = readable(made)
        Acl.objects.filter(pk=place.pk).update(parent=None)
        alone = readable(made)
        yield alone, before
        below = Line.objects.filter(ancestor=place).values_list("acl_id", flat=True)
        others = Acl.objects.filter(form="place").exclude(pk__in=list(below)).order_by("pk")
        if others:
            Acl.objects.filter(pk=place.pk).update(parent=rng.choice(others))
            yield alone, readable(made)


AGEING: dict[str, Callable[[Company], object]] = {
    "a source is not confirmed any more": lambda made: Connection.objects.update(
        permissions_confirmed_at=None
    ),
    "confirmations grow older": lambda made: Connection.objects.update(
        permissions_confirmed_at=F("permissions_confirmed_at") - timedelta(minutes=45)
    ),
    "confirmations count for a shorter time": lambda made: Connection.objects.update(
        permissions_max_age_s=F("permissions_max_age_s") / 20
    ),
    "nobody looks after the tenant": lambda made: Placement.objects.update(
        attended_at=timezone.now() - timedelta(hours=1)
    ),
    "stale permissions are hidden and not checked": lambda made: Connection.objects.update(
        when_stale="hide"
    ),
}


@holds
def ageing_never_widens(made: Company, rng: random.Random) -> Pairs:
    for age in rng.sample(list(AGEING.values()), k=3):
        before = readable(made)
        age(made)
        yield readable(made), before


@holds
def a_policy_reads_as_its_clauses_do_one_by_one(made: Company, rng: random.Random) -> Pairs:
    alone = {
        pk: [[policy.policy_for([[place]]) for place in clause] for clause in clauses_of(pk)]
        for pk in made.policies[:-1]
    }
    reads = readable(made)
    whole = {user: ids & alone.keys() for user, ids in reads.items()}
    by_clauses = {
        user: {
            pk
            for pk, clauses in alone.items()
            if all(any(one in ids for one in each) for each in clauses)
        }
        for user, ids in reads.items()
    }
    yield whole, by_clauses
    yield by_clauses, whole


@holds
def where_nothing_is_denied_to_shut_out_or_forget_anybody_never_widens(
    made: Company, rng: random.Random
) -> Pairs:
    denials().delete()
    for someone in rng.sample(made.principals, k=min(4, len(made.principals))):
        before = readable(made)
        told: dict[str, Any] = rng.choice([{"is_active": False}, {"deleted_at": timezone.now()}])
        Principal.objects.filter(pk=someone.pk).update(**told)
        yield readable(made), before


def compare(world: World, name: str, *, examples: int) -> int:
    """Hold a property against random companies; return the comparisons that could have failed."""
    telling = 0

    @example(seed=TELLING)
    @given(seed=st.integers(0, 2**32))
    @settings(relaxed, max_examples=examples)
    def in_a_company(seed: int) -> None:
        nonlocal telling
        rng = random.Random(seed)  # noqa: S311  the same company for the same seed
        with company(world, rng) as made:
            for narrower, wider in PROPERTIES[name](made, rng):
                more = {user: ids - wider[user] for user, ids in narrower.items()}
                assert not any(more.values()), f"these read more than they may: {more}"
                telling += any(narrower.values())

    in_a_company()
    return telling


@pytest.mark.parametrize("name", PROPERTIES)
def test_in_random_companies(world: World, name: str) -> None:
    assert compare(world, name, examples=5) > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", PROPERTIES)
def test_in_many_random_companies(world: World, name: str) -> None:
    assert compare(world, name, examples=150) > 50
