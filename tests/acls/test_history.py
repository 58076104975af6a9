"""Who could read what at a moment: against the oracle, and after everything has changed."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from hypothesis import given, settings

from apps.acls import history, history_moments, policy
from apps.acls.errors import HistoryGone
from apps.acls.models import (
    Acl,
    AclEntry,
    Claim,
    Edge,
    History,
    Placement,
    Principal,
    Transaction,
)
from apps.connections.models import Connection
from apps.errors import InvalidInput
from apps.tenants.context import tenant_context
from apps.tenants.models import Membership, Tenant
from tests.acls.oracle import Oracle
from tests.acls.reads import inside
from tests.acls.small_worlds import (
    REALM,
    Company,
    acl,
    claim,
    edge,
    entry,
    principal,
    random_company,
    source,
)
from tests.acls.test_statement_equals_oracle import company, randomness, relaxed
from tests.world import World


@given(rng=randomness)
@settings(relaxed, max_examples=10)
def test_the_present_equals_the_oracle_for_every_user_and_policy(
    world: World, rng: random.Random
) -> None:
    with company(world, rng) as made:
        view = history.now()
        oracle = Oracle.of(made.tenant.pk, view.moment.at)
        wanted = {u.pk: oracle.readable(u.pk) for u in made.users}
        assert {u.pk: view.policies_of(u.pk) for u in made.users} == wanted
        for policy_id in rng.sample(made.policies, k=5):
            readers = view.readers_of(policy_id)
            assert readers == {pk for pk, ids in wanted.items() if policy_id in ids}
            assert all(view.admits(pk, policy_id) == (pk in readers) for pk in wanted)


def clock() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        found: datetime = cursor.fetchone()[0]
    return found


def snapshot() -> tuple[str, datetime]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_snapshot()::text, statement_timestamp()")
        text, at = cursor.fetchone()
    return text, at


def changes(made: Company, rng: random.Random) -> list[Callable[[], object]]:
    """Return random changes to everything that decides, each for a transaction of its own."""
    places = Acl.objects.filter(form="place")
    return [
        lambda: AclEntry.objects.filter(content_object=rng.choice(made.acls)).delete(),
        lambda: AclEntry.objects.filter(content_object=rng.choice(made.acls)).update(ord=5),
        lambda: Edge.objects.filter(member=rng.choice(made.principals)).delete(),
        lambda: Edge.objects.update(expires_at=timezone.now() + timedelta(minutes=1)),
        lambda: Claim.objects.filter(user=rng.choice(made.users)).update(ended_at=timezone.now()),
        lambda: places.filter(pk=rng.choice(made.acls).pk).update(parent=None, mode="cut"),
        lambda: Principal.objects.filter(pk=rng.choice(made.principals).pk).update(
            is_active=rng.random() < 0.5
        ),
        lambda: Principal.objects.filter(kind="group").update(members_known=rng.random() < 0.5),
        lambda: Membership.objects.filter(user=rng.choice(made.users)).update(
            is_guest=rng.random() < 0.5, is_active=rng.random() < 0.8
        ),
        lambda: policy.policies_for([[[rng.choice(made.acls).pk], [made.acls[0].pk]]]),
    ]


@pytest.mark.parametrize("seed", range(4))
def test_the_past_equals_what_the_oracle_said_then(committed_world: World, seed: int) -> None:
    world, rng = committed_world, random.Random(seed)  # noqa: S311  worlds that come again
    with inside(world.acme):
        made = random_company(world.acme, [world.ada, world.bo, world.ida], rng)
    seen: list[tuple[datetime, str, dict[int, set[int]]]] = []
    for change in rng.sample(changes(made, rng), k=10):
        with inside(world.acme):
            text, at = snapshot()
            oracle = Oracle.of(world.acme.pk, at)
            seen.append((at, text, {u.pk: oracle.readable(u.pk) for u in made.users}))
        with inside(world.acme):
            change()
    assert len({str(readable) for _, _, readable in seen}) > 1, "something has changed"
    with inside(world.acme):
        for at, text, readable in seen:
            by_time, by_snapshot = history.as_of(at), history.as_of_snapshot(text, at)
            for user_id, wanted in readable.items():
                assert by_time.policies_of(user_id) == wanted
                assert by_snapshot.policies_of(user_id) == wanted


def test_a_change_counts_from_its_commit_and_not_from_its_start(committed_world: World) -> None:
    acme = committed_world.acme
    with inside(acme):
        me, place = principal(acme, "user"), acl(acme)
        claim(committed_world.ada, me)
        policy_id = policy.policy_for([[place.pk]])
    with inside(acme):
        entry(place, me)
        begun = clock()
        stamped = Transaction.objects.order_by("id").last()
        assert stamped is not None and stamped.committed_at is None
    with inside(acme):
        assert not history.as_of(begun).admits(committed_world.ada.pk, policy_id)
        assert history.as_of(clock()).admits(committed_world.ada.pk, policy_id)


def test_a_confirmation_begins_no_new_state_and_a_change_does(world: World) -> None:
    acme = world.acme
    with tenant_context(acme):
        group, place = principal(acme), acl(acme)
        entry(place, group)
        edge(principal(acme, "user"), group)
        before = History.objects.count()
        Acl.objects.update(observed_at=timezone.now(), label="elsewhere")
        AclEntry.objects.update(observed_at=timezone.now())
        Edge.objects.update(observed_at=timezone.now())
        Principal.objects.update(label="renamed", observed_at=timezone.now())
        assert History.objects.count() == before
        AclEntry.objects.update(sticky=True)
        assert History.objects.count() == before + 1
        assert History.objects.filter(relation="entry", to_xid=None).count() == 1


def test_confirmations_without_a_gap_are_one_state(committed_world: World) -> None:
    acme = committed_world.acme
    with inside(acme):
        source = Connection.objects.create(
            tenant=acme, name="S", kind="folder", realm=REALM, permissions_max_age_s=3600
        )
    states = History.objects.filter(relation="connection", row_id=source.pk)

    def confirm(minutes_ago: int) -> int:
        at = timezone.now() - timedelta(minutes=minutes_ago)
        with inside(acme):
            Connection.objects.filter(pk=source.pk).update(permissions_confirmed_at=at)
        with inside(acme):
            return states.count()

    assert confirm(50) == 2, "never confirmed, then confirmed"
    assert confirm(40) == 2
    with inside(acme):
        assert history.now().rows.stale() == set()
        late = timezone.now() - timedelta(minutes=1)
        assert history.as_of_snapshot(snapshot()[0], late).rows.stale() == set()
        Connection.objects.filter(pk=source.pk).update(permissions_max_age_s=60)
    with inside(acme):
        assert history.now().rows.stale() == {REALM}
        text, at = snapshot()
    assert confirm(0) == 4, "after a gap"
    with inside(acme):
        assert history.now().rows.stale() == set()
        assert history.as_of_snapshot(text, at).rows.stale() == {REALM}


def test_nobody_rewrites_the_past(committed_world: World) -> None:
    acme = committed_world.acme
    with inside(acme):
        entry(acl(acme), principal(acme))
    for attempt in (
        lambda: History.objects.update(data={}),
        lambda: History.objects.filter(relation="entry").delete(),
        lambda: Transaction.objects.update(committed_at=timezone.now()),
        lambda: Transaction.objects.all().delete(),
    ):
        with inside(acme), pytest.raises(DatabaseError, match="history"), transaction.atomic():
            attempt()


def test_what_is_kept_no_longer_goes_and_is_not_guessed_at(committed_world: World) -> None:
    acme = committed_world.acme
    with inside(acme):
        me, place = principal(acme, "user"), acl(acme)
        claim(committed_world.ada, me)
        granted = entry(place, me)
        policy_id = policy.policy_for([[place.pk]])
    with inside(acme):
        readable_at = clock()
    with inside(acme):
        granted.delete()
        assert history.prune() == 0, "a year is kept"
    with inside(acme):
        assert history.as_of(readable_at).admits(committed_world.ada.pk, policy_id)
    Tenant.objects.filter(pk=acme.pk).update(history_days=0)
    with inside(acme):
        assert history.prune() >= 1
        assert not History.objects.filter(to_xid__isnull=False).exists()
        assert History.objects.filter(relation="claim").exists(), "what holds stays"
        assert Placement.objects.get().history_from is not None
        assert not history.now().admits(committed_world.ada.pk, policy_id)
        with pytest.raises(HistoryGone, match="known since"):
            history.as_of(readable_at)


def test_the_future_is_not_told(world: World) -> None:
    with tenant_context(world.acme), pytest.raises(InvalidInput, match="lies ahead"):
        history_moments.at_time(timezone.now() + timedelta(hours=1))


def test_an_old_member_list_makes_nobody_a_reader(world: World) -> None:
    acme = world.acme
    with tenant_context(acme):
        now = timezone.now()
        source(acme, "drive", permissions_confirmed_at=now, permissions_max_age_s=3600)
        outer = principal(acme)
        inner = principal(acme, realm="drive")
        mine = principal(acme, "user")
        edge(mine, inner)
        edge(inner, outer)
        claim(world.ada, mine)
        place = acl(acme)
        entry(place, outer)
        wanted = policy.policy_for([[place.pk]])
        assert history.now().readers_of(wanted) == {world.ada.pk}
        Connection.objects.update(permissions_confirmed_at=now - timedelta(hours=2))
        assert history.now().readers_of(wanted) == set()
        assert not history.now().admits(world.ada.pk, wanted)
