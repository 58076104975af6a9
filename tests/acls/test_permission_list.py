"""The flat list of readers: never wider than the engine, and exact only where nobody else reads."""

from __future__ import annotations

import random

import pytest
from django.utils import timezone
from hypothesis import given, settings

from apps.acls import history, permission_levels, permission_list, policy
from apps.acls.history_tree import Tree, is_whole
from apps.acls.history_view import View
from apps.acls.models import Acl
from apps.acls.permission_list import PermissionList
from apps.connections.protocol import Level, PrincipalKind
from apps.tenants.context import tenant_context
from apps.tenants.models import Membership
from tests.acls.oracle import Oracle
from tests.acls.small_worlds import acl, claim, edge, entry, principal
from tests.acls.test_statement_equals_oracle import company, randomness, readable, relaxed
from tests.world import World


def of(policy_id: int) -> PermissionList:
    view = View(history.moment_of(None))
    clauses = view.rows.clauses([policy_id])[policy_id]
    assert is_whole(clauses)
    tree = Tree.of(view.rows, permission_levels.acls_of(clauses))
    return permission_list.listed(policy_id, view, tree, clauses)


def claimed_by(found: PermissionList, tenant_id: int) -> set[int]:
    """Return the people whom a list says to read, by the rows and nothing of the engine."""
    oracle = Oracle.of(tenant_id, timezone.now())
    members = {pk: row for pk, row in oracle.memberships.items() if row["is_active"]}
    said = {c["user_id"] for c in oracle.claims if c["principal_id"] in found.users}
    for user_id, row in members.items():
        sure = oracle._principals_of(user_id, row)
        if sure & found.groups.keys():
            said.add(user_id)
        if found.everyone == PrincipalKind.EVERYONE:
            said.add(user_id)
        if found.everyone == PrincipalKind.MEMBERS and not row["is_guest"]:
            said.add(user_id)
    return said


@given(rng=randomness)
@settings(relaxed, max_examples=30)
def test_whoever_is_listed_reads_and_an_exact_list_leaves_nobody_out(
    world: World, rng: random.Random
) -> None:
    with company(world, rng) as made:
        readers: dict[int, set[int]] = {}
        for user_id, policies in readable(made).items():
            for policy_id in policies:
                readers.setdefault(policy_id, set()).add(user_id)
        nobody = policy.nobody()
        for policy_id in set(made.policies) - {nobody}:
            found = of(policy_id)
            said, truth = claimed_by(found, made.tenant.pk), readers.get(policy_id, set())
            assert said <= truth, f"{said - truth} are listed and may not read"
            assert said == truth or not found.is_exact


@given(rng=randomness)
@settings(relaxed, max_examples=8)
def test_readers_alone_have_a_level(world: World, rng: random.Random) -> None:
    with company(world, rng) as made:
        admitted = readable(made)
        for user in made.users:
            for policy_id in made.policies:
                level = permission_levels.of_reader(user, policy_id)
                assert (level is not None) == (policy_id in admitted[user.pk])


@pytest.fixture
def place(world: World) -> Acl:
    with tenant_context(world.acme):
        return acl(world.acme, "plans")


def policy_of(*clauses: list[Acl]) -> int:
    return policy.policy_for([[one.pk for one in clause] for clause in clauses])


def test_people_and_groups_are_listed_with_their_levels(world: World, place: Acl) -> None:
    with tenant_context(world.acme):
        ada, staff = principal(world.acme, "user", "ada"), principal(world.acme, "group", "staff")
        claim(world.ada, ada)
        entry(place, ada, level=Level.WRITE)
        entry(place, staff, level=Level.COMMENT)
        found = of(policy_of([place]))
        assert found == PermissionList(
            {ada.pk: Level.WRITE}, {staff.pk: Level.COMMENT}, None, False, True
        )


def test_of_equal_entries_the_highest_level_counts(world: World, place: Acl) -> None:
    with tenant_context(world.acme):
        ada, staff = principal(world.acme, "user", "ada"), principal(world.acme, "group", "staff")
        claim(world.ada, ada)
        edge(ada, staff)
        entry(place, staff, level=Level.WRITE)
        entry(place, ada, level=Level.READ)
        found = of(policy_of([place]))
        assert found.users == {ada.pk: Level.WRITE}
        assert permission_levels.of_reader(world.ada, policy_of([place])) == Level.WRITE


def test_a_denial_within_a_group_takes_the_group_off_the_list(world: World, place: Acl) -> None:
    with tenant_context(world.acme):
        bo, staff = principal(world.acme, "user", "bo"), principal(world.acme, "group", "staff")
        edge(bo, staff)
        entry(place, staff)
        entry(place, bo, allow=False)
        found = of(policy_of([place]))
        assert (dict(found.groups), found.is_exact) == ({}, False)


def test_a_denial_that_never_gets_its_turn_takes_nobody_off(world: World, place: Acl) -> None:
    with tenant_context(world.acme):
        above, staff = acl(world.acme, "above"), principal(world.acme, "group", "staff")
        place.parent = above
        place.save()
        entry(place, staff)
        entry(above, principal(world.acme, "user", "bo"), allow=False)
        assert of(policy_of([place])).groups == {staff.pk: Level.READ}


@pytest.mark.parametrize("is_nested", [False, True])
def test_a_group_of_unknown_members_is_not_listed(
    world: World, place: Acl, is_nested: bool
) -> None:
    with tenant_context(world.acme):
        staff = principal(world.acme, "group", "staff", members_known=is_nested)
        if is_nested:
            edge(principal(world.acme, "group", "within", members_known=False), staff)
        entry(place, staff)
        found = of(policy_of([place]))
        assert (dict(found.groups), found.is_exact) == ({}, False)


def test_two_conditions_list_who_meets_both(world: World, place: Acl) -> None:
    with tenant_context(world.acme):
        site = acl(world.acme, "site")
        ada, bo = principal(world.acme, "user", "ada"), principal(world.acme, "user", "bo")
        claim(world.ada, ada)
        entry(site, principal(world.acme, "members", "all"))
        entry(place, ada, level=Level.WRITE)
        entry(place, bo)
        found = of(policy_of([site], [place]))
        assert dict(found.users) == {ada.pk: Level.READ}, "and nobody is known to hold the other"
        assert (found.everyone, found.is_exact) == (None, False)
        claim(world.bo, bo)
        assert of(policy_of([site], [place])).is_exact
        Membership.objects.filter(user=world.bo).update(is_guest=True)
        assert dict(of(policy_of([site], [place])).users) == {ada.pk: Level.READ}


@pytest.mark.parametrize("kind", [PrincipalKind.MEMBERS, PrincipalKind.EVERYONE])
def test_all_members_are_no_names(world: World, place: Acl, kind: PrincipalKind) -> None:
    with tenant_context(world.acme):
        entry(place, principal(world.acme, kind.value, kind.value))
        found = of(policy_of([place]))
        assert (found.everyone, found.is_exact) == (kind, True)
        entry(place, principal(world.acme, "user", "bo"), allow=False)
        found = of(policy_of([place]))
        assert (found.everyone, found.is_exact) == (None, False)


def test_a_link_is_said_and_lets_nobody_in(world: World, place: Acl) -> None:
    with tenant_context(world.acme):
        entry(place, principal(world.acme, "link", "link"))
        assert of(policy_of([place])) == PermissionList({}, {}, None, True, True)


def test_who_is_someone_else_besides_is_asked_about_as_a_whole(world: World, place: Acl) -> None:
    with tenant_context(world.acme):
        ada, alias = principal(world.acme, "user", "ada"), principal(world.acme, "user", "alias")
        claim(world.ada, ada)
        entry(place, ada)
        entry(place, alias, allow=False)
        assert of(policy_of([place])).users == {ada.pk: Level.READ}
        claim(world.ada, alias)
        found = of(policy_of([place]))
        assert (dict(found.users), found.is_exact) == ({}, False)


def test_long_lists_are_cut_and_say_so(
    world: World, place: Acl, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tenant_context(world.acme):
        for number in range(3):
            entry(place, principal(world.acme, "user", f"person {number}"))
        assert of(policy_of([place])).is_exact
        monkeypatch.setattr(permission_list, "AT_MOST", 2)
        found = of(policy_of([place]))
        assert (len(found.users), found.is_exact) == (2, False)
