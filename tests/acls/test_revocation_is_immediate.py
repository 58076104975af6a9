"""A set that was cached before a change is refused by the first statement after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from time import sleep
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from psycopg import IsolationLevel

from apps.acls import membership, placement, policy, pruning, resolve, set_cache
from apps.acls.errors import NoMembership
from apps.acls.models import Acl, AclEntry, Claim, PermissionChange, Principal
from apps.tenants.context import user_context
from apps.tenants.models import Membership
from tests.acls.reads import cached, in_threads, inside, passes, read, run
from tests.acls.small_worlds import acl, claim, edge, entry, principal
from tests.world import World


@dataclass
class Shared:
    """Ada is in Leads, Leads in Finance; Finance reads /finance, so Ada reads `budget` below it."""

    world: World
    ada: Principal
    leads: Principal
    finance: Principal
    above: Acl
    place: Acl
    grant: AclEntry
    budget: int


@pytest.fixture
def shared(committed_world: World) -> Shared:
    acme = committed_world.acme
    with inside(acme):
        ada = principal(acme, "user", "ada")
        leads, finance = principal(acme, label="Leads"), principal(acme, label="Finance")
        edge(ada, leads)
        edge(leads, finance)
        claim(committed_world.ada, ada)
        above = acl(acme, "/finance")
        place = acl(acme, "/finance/budget", parent=above)
        grant = entry(above, finance)
        budget = policy.policy_for([[place.pk]])
    return Shared(committed_world, ada, leads, finance, above, place, grant, budget)


def new_denial(s: Shared) -> None:
    entry(s.place, s.leads, allow=False)


def denial_on_a_group_whose_members_become_unknown(s: Shared) -> None:
    others = Principal.objects.get(label="Others")
    Principal.objects.filter(pk=others.pk).update(members_known=False)


def denial_on_a_new_dynamic_principal(s: Shared) -> None:
    everyone = principal(s.world.acme, "everyone")
    entry(s.place, everyone, allow=False)


def denied_above(s: Shared) -> None:
    membership.add(group=Principal.objects.get(label="Others"), members=[s.finance], actor=None)


REVOCATIONS: dict[str, Callable[[Shared], object]] = {
    "entry removed": lambda s: s.grant.delete(),
    "entry ended": lambda s: AclEntry.objects.update(expires_at=timezone.now()),
    "entry turned into a denial": lambda s: AclEntry.objects.filter(pk=s.grant.pk).update(
        permission_id=AclEntry.objects.exclude(pk=s.grant.pk).get().permission_id
    ),
    "denial added": new_denial,
    "edge removed": lambda s: membership.remove(group=s.leads, members=[s.ada], actor=None),
    "group no longer nested": lambda s: s.leads.edges_up.all().delete(),
    "group nested under a denial": denied_above,
    "members become unknown": denial_on_a_group_whose_members_become_unknown,
    "everyone denied": denial_on_a_new_dynamic_principal,
    "group deleted": lambda s: membership.bury(group=s.finance, actor=None),
    "claim ended": lambda s: Claim.objects.update(ended_at=timezone.now()),
    "identity suspended": lambda s: Principal.objects.filter(pk=s.ada.pk).update(is_active=False),
    "place cut": lambda s: Acl.objects.filter(pk=s.place.pk).update(mode="cut"),
    "place moved": lambda s: Acl.objects.filter(pk=s.place.pk).update(parent=None),
}


@pytest.mark.parametrize("change", REVOCATIONS)
def test_the_next_statement_after_a_revocation_hides_it(shared: Shared, change: str) -> None:
    acme, ada = shared.world.acme, shared.world.ada
    with inside(acme):
        entry(shared.place, principal(acme, label="Others"), allow=False)
    assert read(acme, ada) == {shared.budget}
    before = cached(acme, ada)
    assert passes(acme, before)
    with inside(acme):
        REVOCATIONS[change](shared)
    assert not passes(acme, before)
    assert read(acme, ada) == set()


@pytest.mark.parametrize("ended", ["membership", "person", "tenant"])
def test_who_no_longer_belongs_reads_nothing(shared: Shared, ended: str) -> None:
    acme, ada = shared.world.acme, shared.world.ada
    before = cached(acme, ada)
    assert passes(acme, before)
    with inside(acme):
        row: Any = {"membership": Membership.objects.get(user=ada), "person": ada, "tenant": acme}[
            ended
        ]
        row.is_active = False
        row.save()
    assert not passes(acme, before)
    with pytest.raises(NoMembership):
        read(acme, ada)


def test_the_label_has_to_name_the_person(shared: Shared) -> None:
    """A first claim concerns an identity that no earlier set knows, and so the person alone."""
    s = shared
    with inside(s.world.acme):
        entry(s.place, denied := principal(s.world.acme, "user", "denied"), allow=False)
    before = cached(s.world.acme, s.world.ada)
    assert s.budget in before.ids
    forgetful = replace(before, names=before.names[before.names != -s.world.ada.pk])
    with inside(s.world.acme):
        claim(s.world.ada, denied)
    assert passes(s.world.acme, forgetful), "then the person need not be named, and this test goes"
    assert not passes(s.world.acme, before)
    assert s.budget not in read(s.world.acme, s.world.ada)


def test_a_member_who_becomes_a_guest_is_no_longer_among_the_members(shared: Shared) -> None:
    acme, bo = shared.world.acme, shared.world.bo
    with inside(acme):
        entry(shared.place, principal(acme, "members"))
    assert read(acme, bo) == {shared.budget}
    with inside(acme):
        Membership.objects.filter(user=bo).update(is_guest=True)
    assert read(acme, bo) == set()


def test_what_concerns_others_leaves_a_set_alone(shared: Shared) -> None:
    acme, ada = shared.world.acme, shared.world.ada
    before = cached(acme, ada)
    with inside(acme):
        stranger = principal(acme, "user", "bo")
        claim(shared.world.bo, stranger)
        edge(stranger, shared.finance)
        entry(shared.place, stranger)
        Acl.objects.update(observed_at=timezone.now())
    assert passes(acme, before)


def test_another_tenants_person_and_set_pass_nothing(shared: Shared) -> None:
    before = cached(shared.world.acme, shared.world.ada)
    assert not passes(shared.world.umbra, before)
    with inside(shared.world.acme):
        assert resolve.policies_for(shared.world.cy).ids.tolist() == []
    assert read(shared.world.umbra, shared.world.cy) == set()


def test_the_guard_is_false_without_a_tenant(shared: Shared) -> None:
    before = cached(shared.world.acme, shared.world.ada)
    with transaction.atomic():
        assert run(before.scope()) == (False, set())
        assert run(before.inline_scope()) == (False, set())
    # A person's own memberships are visible to them without a tenant; that must not be enough.
    with user_context(shared.world.ada.pk), transaction.atomic():
        assert run(before.scope()) == (False, set())
        assert run(before.inline_scope()) == (False, set())


def test_a_set_ends_with_the_first_entry_that_does(shared: Shared) -> None:
    acme, ada = shared.world.acme, shared.world.ada
    with inside(acme):
        AclEntry.objects.update(expires_at=timezone.now() + timedelta(seconds=0.6))
    before = cached(acme, ada)
    assert before.ids.tolist() == [shared.budget] and passes(acme, before)
    sleep(0.7)
    assert not passes(acme, before)
    assert read(acme, ada) == set()


def test_a_set_ends_when_a_denial_begins(shared: Shared) -> None:
    acme, ada = shared.world.acme, shared.world.ada
    with inside(acme):
        soon = timezone.now() + timedelta(seconds=0.6)
        entry(shared.place, shared.leads, allow=False, starts_at=soon)
    before = cached(acme, ada)
    assert before.ids.tolist() == [shared.budget] and before.valid_until == soon
    sleep(0.7)
    assert not passes(acme, before)
    assert read(acme, ada) == set()


def test_a_set_that_saw_uncommitted_grants_is_not_kept(shared: Shared) -> None:
    acme, bo = shared.world.acme, shared.world.bo
    with inside(acme):
        entry(shared.place, principal(acme, "members"))
        assert resolve.reading(bo, run) == {shared.budget}
        transaction.set_rollback(True)
    assert cached(acme, bo).ids.tolist() == []


def test_a_set_made_in_a_transaction_that_writes_does_not_outlive_its_changes(
    shared: Shared,
) -> None:
    acme, ada = shared.world.acme, shared.world.ada
    with inside(acme):
        _take_transaction_id()
        in_threads(_end_another_transaction)  # so that the own id lies within the snapshot
        before = resolve.policies_for(ada)
        assert run(before.scope()) == (True, {shared.budget})
        shared.grant.delete()
        assert run(before.scope()) == (True, set())
    assert read(acme, ada) == set()
    with inside(acme):
        assert run(before.scope()) == (True, set())


def _end_another_transaction() -> None:
    with transaction.atomic():
        _take_transaction_id()


def _take_transaction_id() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()")


def test_a_set_of_an_earlier_run_of_the_server_is_void(shared: Shared) -> None:
    acme, ada = shared.world.acme, shared.world.ada
    before = cached(acme, ada)
    with inside(acme), connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM pg_postmaster_start_time())::text")
        (started_at,) = cursor.fetchone()
    assert passes(acme, before)
    assert started_at in before.incarnation.split(":")
    earlier = before.incarnation.replace(started_at, str(float(started_at) - 60))
    assert not passes(acme, replace(before, incarnation=earlier))


def test_a_transaction_with_an_old_view_of_the_rows_reads_nothing(shared: Shared) -> None:
    acme, ada = shared.world.acme, shared.world.ada
    assert read(acme, ada) == {shared.budget}
    connection.ensure_connection()
    connection.connection.isolation_level = IsolationLevel.REPEATABLE_READ
    try:
        with inside(acme):
            Acl.objects.count()
            in_threads(lambda: _delete(shared))
            with pytest.raises(NoMembership):
                resolve.reading(ada, run)
    finally:
        connection.connection.isolation_level = None


def _delete(shared: Shared) -> None:
    with inside(shared.world.acme):
        shared.grant.delete()


def test_a_label_taken_after_the_set_would_leak(shared: Shared) -> None:
    # Why the snapshot is selected in the set's own statement: this is the order of the mutant.
    acme, ada = shared.world.acme, shared.world.ada
    computed = cached(acme, ada)
    _delete(shared)
    with inside(acme), connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_snapshot()::text")
        (later,) = cursor.fetchone()
    mutant = replace(computed, snapshot=later)
    with inside(acme):
        assert run(mutant.scope()) == (True, {shared.budget})
        assert run(computed.scope()) == (False, set())


def test_a_writer_that_was_open_when_the_set_was_computed_is_noticed(shared: Shared) -> None:
    acme, ada = shared.world.acme, shared.world.ada
    with inside(acme):
        shared.grant.delete()
        # Somebody later is faster, so that the open writer lies between xmin and xmax.
        in_threads(lambda: _write_something_else(shared))
        (before,) = in_threads(lambda: cached(acme, ada))
        assert before.ids.tolist() == [shared.budget]
        assert in_threads(lambda: passes(acme, before)) == [True]
    assert not passes(acme, before)


def _write_something_else(shared: Shared) -> None:
    with inside(shared.world.acme):
        principal(shared.world.acme, "user")


def test_a_restored_or_moved_tenant_accepts_no_earlier_set(shared: Shared) -> None:
    acme, ada = shared.world.acme, shared.world.ada
    before = cached(acme, ada)
    with inside(acme):
        placement.renew()
    assert not passes(acme, before)
    after = cached(acme, ada)
    assert after.incarnation != before.incarnation and passes(acme, after)


def test_pruning_the_log_refuses_the_sets_it_could_have_refuted(shared: Shared) -> None:
    acme, ada = shared.world.acme, shared.world.ada
    before = cached(acme, ada)
    _delete(shared)
    with inside(acme):
        assert pruning.prune(before=timezone.now() + timedelta(seconds=1)) > 0
        assert not PermissionChange.objects.exists()
    assert not passes(acme, before)
    assert read(acme, ada) == set()
    assert passes(acme, cached(acme, ada))


def test_a_new_policy_is_noticed_within_seconds_though_the_set_stays_valid(shared: Shared) -> None:
    acme, ada = shared.world.acme, shared.world.ada
    before = cached(acme, ada)
    with inside(acme):
        added = policy.policy_for([[shared.above.pk]])
    assert passes(acme, before) and read(acme, ada) == {shared.budget}
    with inside(acme):
        old = replace(before, computed_at=before.computed_at - resolve.LATE_WIDENING)
        set_cache.put(resolve._name(ada), old)
    assert read(acme, ada) == {shared.budget, added}


def test_a_set_survives_the_cache_unchanged(shared: Shared) -> None:
    computed = cached(shared.world.acme, shared.world.ada)
    again = cached(shared.world.acme, shared.world.ada)
    assert again is not computed
    assert again.to_bytes() == computed.to_bytes()
    assert again.valid_until == computed.valid_until
