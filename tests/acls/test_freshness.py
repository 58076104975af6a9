"""Permissions count only for so long: when they lapse, when they count again, and who is told."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import given, settings

from apps.acls import freshness, policy, resolve
from apps.acls.models import Acl, AclEntry, Closure, Edge, PermissionChange, Placement, Policy
from apps.connections.models import Connection
from apps.tenants.models import Tenant
from tests.acls import reads
from tests.acls.oracle import Oracle
from tests.acls.small_worlds import acl, claim, edge, entry, principal, source
from tests.acls.test_statement_equals_oracle import company, randomness, relaxed
from tests.world import World

# Every column that says until when something holds, or since when it was seen.
_TIMES = {
    "acls_edge": ["expires_at"],
    "acls_aclentry": ["starts_at", "expires_at"],
    "acls_closure": ["until"],
    "acls_placement": ["attended_at"],
    "connections_connection": ["permissions_confirmed_at"],
}


def let_time_pass(tenant: Tenant, how_long: timedelta) -> None:
    """Move everything that is stored into the past: the clock of the database stands still."""
    with connection.cursor() as cursor:
        for table, columns in _TIMES.items():
            moved = ", ".join(
                f"{name} = {name} - make_interval(secs => %(seconds)s)" for name in columns
            )
            cursor.execute(
                f"UPDATE {table} SET {moved} WHERE tenant_id = %(tenant)s",
                {"seconds": how_long.total_seconds(), "tenant": tenant.pk},
            )


def moments(tenant: Tenant) -> list[datetime]:
    """Return all future moments at which somebody's rights change by themselves."""
    found: set[datetime | None] = set()
    mine = {"tenant": tenant}
    found |= set(Edge.objects.filter(**mine).values_list("expires_at", flat=True))
    found |= set(AclEntry.objects.filter(**mine).values_list("starts_at", flat=True))
    found |= set(AclEntry.objects.filter(**mine).values_list("expires_at", flat=True))
    found |= set(Closure.objects.filter(**mine).values_list("until", flat=True))
    found |= {freshness.counts_until(one) for one in Connection.objects.filter(**mine)}
    found.add(Placement.objects.get(**mine).attended_at + freshness.UNATTENDED_AFTER)
    return sorted(moment for moment in found if moment and moment > timezone.now())


@pytest.mark.slow
@given(rng=randomness)
@settings(relaxed, max_examples=40)
def test_the_clock_alone_closes_and_opens_what_it_has_to(world: World, rng: random.Random) -> None:
    with company(world, rng) as made:
        for each in AclEntry.objects.filter(tenant=made.tenant):
            _spread(each, rng)
        sets = {user.pk: resolve.compute(user) for user in made.users}
        steps = [timezone.now(), *moments(made.tenant)]
        passed = timedelta()
        for before, after in pairwise(steps):
            step = after - before + timedelta(milliseconds=1)
            let_time_pass(made.tenant, step)
            passed += step
            oracle = Oracle.of(made.tenant.pk, timezone.now())
            for user in made.users:
                now_readable = oracle.readable(user.pk)
                assert set(resolve.compute(user).ids.tolist()) == now_readable
                # A set from before either says that it has lapsed, or is still true.
                kept = sets[user.pk]
                if kept.valid_until - passed > timezone.now():
                    assert set(kept.ids.tolist()) == now_readable


def _spread(each: AclEntry, rng: random.Random) -> None:
    for name in ("starts_at", "expires_at"):
        if getattr(each, name) is not None:
            setattr(each, name, timezone.now() + timedelta(minutes=rng.randint(-20, 120)))
    each.save()


def readable_place(world: World, **fields: object) -> tuple[Connection, int]:
    """Return a connection with the given age, and the policy of a place that Ada reads."""
    drive = source(world.acme, "drive", **fields)
    place = acl(world.acme, realm="drive")
    ada = principal(world.acme, "user", realm="drive")
    claim(world.ada, ada)
    entry(place, ada)
    return drive, policy.policy_for([[place.pk]])


def test_a_set_lapses_with_the_age_and_nothing_is_written(committed_world: World) -> None:
    acme, ada = committed_world.acme, committed_world.ada
    with reads.inside(acme):
        just_now = timezone.now() - timedelta(seconds=59)
        readable_place(committed_world, permissions_confirmed_at=just_now, permissions_max_age_s=60)
    kept = reads.cached(acme, ada)
    assert len(kept.ids) == 1 and reads.passes(acme, kept)
    assert kept.valid_until <= just_now + timedelta(seconds=60)
    with reads.inside(acme):
        written = PermissionChange.objects.count()
    while timezone.now() < kept.valid_until:
        connection.close()
    assert not reads.passes(acme, kept)
    assert reads.read(acme, ada) == set()
    with reads.inside(acme):
        assert PermissionChange.objects.count() == written


def test_a_timely_confirmation_cools_no_cache_and_a_late_one_opens_at_once(
    committed_world: World,
) -> None:
    acme, ada = committed_world.acme, committed_world.ada
    with reads.inside(acme):
        drive, policy_id = readable_place(
            committed_world, permissions_confirmed_at=timezone.now() - timedelta(minutes=30)
        )
    kept = reads.cached(acme, ada)
    with reads.inside(acme):
        freshness.confirm(drive, timezone.now())
    assert reads.passes(acme, kept)
    with reads.inside(acme):
        drive.refresh_from_db()
        lapses = freshness.counts_until(drive)
        assert lapses and lapses - timezone.now() > timedelta(minutes=59)
        an_hour = timedelta(hours=1)
        Connection.objects.update(permissions_confirmed_at=timezone.now() - an_hour)
    assert reads.read(acme, ada) == set()
    closed = reads.cached(acme, ada)
    with reads.inside(acme):
        freshness.confirm(drive, timezone.now())
    assert not reads.passes(acme, closed)
    assert reads.read(acme, ada) == {policy_id}


def test_a_confirmation_never_goes_backwards_nor_ahead_of_the_clock(world: World) -> None:
    with reads.inside(world.acme):
        now = timezone.now()
        drive = source(world.acme, "drive", permissions_confirmed_at=now)
        freshness.confirm(drive, now - timedelta(minutes=5))
        drive.refresh_from_db()
        assert drive.permissions_confirmed_at == now
        freshness.confirm(drive, now + timedelta(days=5))
        drive.refresh_from_db()
        assert now <= drive.permissions_confirmed_at <= timezone.now()


def test_a_shorter_age_and_another_choice_count_at_once(committed_world: World) -> None:
    acme, ada = committed_world.acme, committed_world.ada
    with reads.inside(acme):
        _, policy_id = readable_place(
            committed_world, permissions_confirmed_at=timezone.now() - timedelta(minutes=30)
        )
    assert reads.read(acme, ada) == {policy_id}
    with reads.inside(acme):
        Connection.objects.update(permissions_max_age_s=60)
    assert reads.read(acme, ada) == set()
    with reads.inside(acme):
        Connection.objects.update(when_stale="check")
    assert reads.read(acme, ada) == {policy_id}


def test_nothing_counts_while_the_scheduler_is_away(world: World) -> None:
    with reads.inside(world.acme):
        _, policy_id = readable_place(
            world, permissions_confirmed_at=timezone.now(), when_stale="check"
        )
        own = acl(world.acme)
        identity = principal(world.acme, "user")
        claim(world.ada, identity)
        entry(own, identity)
        own_policy = policy.policy_for([[own.pk]])
        assert set(resolve.compute(world.ada).ids.tolist()) == {policy_id, own_policy}
        let_time_pass(world.acme, timedelta(minutes=15))
        assert set(resolve.compute(world.ada).ids.tolist()) == {own_policy}


def test_a_gap_forgets_what_was_confirmed_and_what_was_seen_before_it(world: World) -> None:
    with reads.inside(world.acme):
        drive, _ = readable_place(world, permissions_confirmed_at=timezone.now())
        assert not freshness.attend()
        let_time_pass(world.acme, timedelta(seconds=59))
        assert not freshness.attend()
        let_time_pass(world.acme, timedelta(seconds=61))
        freshness.stay()  # a worker that slept through the gap does not hide it
        seen_before = timezone.now()
        assert freshness.attend()
        assert set(resolve.compute(world.ada).ids.tolist()) == set()
        freshness.confirm(drive, seen_before - timedelta(seconds=1))
        assert set(resolve.compute(world.ada).ids.tolist()) == set()
        freshness.confirm(drive, timezone.now())
        assert len(resolve.compute(world.ada).ids) == 1


def test_an_old_member_list_lets_nobody_in_and_can_still_keep_out(world: World) -> None:
    with reads.inside(world.acme):
        drive = source(world.acme, "drive", permissions_confirmed_at=timezone.now())
        ada, group = (principal(world.acme, kind, realm="drive") for kind in ("user", "group"))
        claim(world.ada, ada)
        edge(ada, group)
        bo = principal(world.acme, "user")
        claim(world.bo, bo)
        shared, closed = acl(world.acme), acl(world.acme)
        entry(shared, group)
        entry(closed, bo, ord=1)
        entry(closed, group, allow=False, ord=0)
        policies = [policy.policy_for([[place.pk]]) for place in (shared, closed)]
        assert set(resolve.compute(world.ada).ids.tolist()) == {policies[0]}
        assert set(resolve.compute(world.bo).ids.tolist()) == {policies[1]}
        Connection.objects.filter(pk=drive.pk).update(permissions_confirmed_at=None)
        assert set(resolve.compute(world.ada).ids.tolist()) == set()
        assert set(resolve.compute(world.bo).ids.tolist()) == set()
        assert Policy.objects.count() == 2 and Acl.objects.count() == 2
