"""What the tables themselves allow and refuse, and what guardian makes of them."""

from __future__ import annotations

import random

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group, Permission
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone
from guardian.shortcuts import assign_perm, get_objects_for_user
from hypothesis import given

from apps.acls import claims, membership, policy
from apps.acls.errors import BrokenTree, Derived, InvalidPolicy
from apps.acls.models import Acl, AclEntry, Claim, Policy, PolicyClause, Principal
from apps.tenants.context import tenant_context
from apps.tenants.models import Membership
from tests.acls.oracle import Oracle
from tests.acls.reads import in_threads, inside
from tests.acls.small_worlds import acl, claim, edge, entry, principal
from tests.acls.test_statement_equals_oracle import company, randomness, readable, relaxed
from tests.world import World, make_member


@given(rng=randomness)
@relaxed
def test_groups_of_a_person_are_identities_and_all_groups_above(
    world: World, rng: random.Random
) -> None:
    with company(world, rng) as made:
        oracle = Oracle.of(made.tenant.pk, timezone.now())
        for user in made.users:
            assert set(user.groups.values_list("pk", flat=True)) == oracle.groups_of(user.pk)


def test_groups_cannot_be_given_by_hand(world: World) -> None:
    with tenant_context(world.acme):
        group = principal(world.acme)
        for attempt in (world.ada.groups.add, world.ada.groups.remove):
            with pytest.raises(Derived), transaction.atomic():
                attempt(group)
        for many in ([group], []):
            claim(world.ada, principal(world.acme, "user"))
            with pytest.raises(Derived), transaction.atomic():
                world.ada.groups.set(many)


def test_guardian_finds_the_objects_of_live_own_rows(world: World) -> None:
    with tenant_context(world.acme):
        me, group = principal(world.acme, "user"), principal(world.acme)
        claim(world.ada, me)
        edge(me, group)
        allowed, denied, other = acl(world.acme), acl(world.acme), acl(world.acme)
        assign_perm("view_acl", Group.objects.get(pk=group.pk), allowed)
        entry(denied, me, allow=False)
        entry(other, principal(world.acme))

        def found(codename: str) -> set[Acl]:
            return set(
                get_objects_for_user(
                    world.ada, codename, Acl, with_superuser=False, accept_global_perms=False
                )
            )

        assert found("view_acl") == {allowed}
        assert found("deny_acl") == {denied}
        assert AclEntry.objects.get(content_object=allowed).tenant == world.acme


def test_no_group_carries_a_model_wide_permission(world: World) -> None:
    with tenant_context(world.acme), pytest.raises(IntegrityError, match="no_model_wide"):
        principal(world.acme).permissions.add(Permission.objects.all()[0])


def test_rows_of_one_tenant_cannot_refer_to_anothers(world: World) -> None:
    with tenant_context(world.acme):
        theirs, their_group = acl(world.acme), principal(world.acme)
    with tenant_context(world.umbra):
        mine, my_group = acl(world.umbra), principal(world.umbra)
        for attempt in (
            lambda: acl(world.umbra, parent=theirs),
            lambda: entry(mine, their_group),
            lambda: edge(their_group, my_group),
            lambda: policy.policy_for([[theirs.pk]]),
        ):
            with pytest.raises(IntegrityError), transaction.atomic():
                attempt()
        assert not Acl.objects.filter(pk=theirs.pk).exists()


@given(rng=randomness)
@relaxed
def test_deleting_any_row_never_widens(world: World, rng: random.Random) -> None:
    with company(world, rng) as made:
        before = readable(made)
        entries = [e for e in AclEntry.objects.all() if e.permission.codename == "view_acl"]
        rows = [*made.principals, *made.acls, *Policy.objects.all(), *PolicyClause.objects.all()]
        for row in rng.sample([*rows, *entries], k=5):
            try:
                with transaction.atomic():
                    row.delete()
            except (ProtectedError, Acl.DoesNotExist):
                continue
            if row in entries:
                # An allow may have stood before a denial of its own group; only places are asked.
                continue
            after = readable(made)
            assert all(after[user] <= ids for user, ids in before.items())
            before = after


def test_a_group_cannot_be_put_into_itself_or_into_a_person(world: World) -> None:
    with tenant_context(world.acme):
        group, person = principal(world.acme), principal(world.acme, "user")
        for target, member in ((group, group), (person, group)):
            with pytest.raises(BrokenTree):
                membership.add(group=target, members=[member], actor=world.ida)


def test_equal_policies_are_one_row_whatever_their_order(world: World) -> None:
    with tenant_context(world.acme):
        a, b = acl(world.acme).pk, acl(world.acme).pk
        same = policy.policies_for([[[a, b], [a]], [[a], [b, a, b]], [[a], [a], [a, b]]])
        assert len(set(same)) == 1
        assert policy.policy_for([[a]]) != same[0]
        assert policy.nobody() == policy.nobody()
        without: list[list[list[int]]] = [[], [[]], [[a], []]]
        for empty in without:
            with pytest.raises(InvalidPolicy):
                policy.policy_for(empty)


def test_policies_made_at_once_are_shared_and_numbered_without_gaps(committed_world: World) -> None:
    acme = committed_world.acme
    with inside(acme):
        places = [acl(acme).pk for _ in range(12)]

    def make() -> list[list[int]]:
        made = []
        for n in range(0, 12, 3):
            with inside(acme):
                made.append(policy.policies_for([[[p]] for p in places[: n + 3]]))
        return made

    first, second, third = in_threads(make, make, make)
    assert first == second == third
    with inside(acme):
        ordinals = list(Policy.objects.order_by("ordinal").values_list("ordinal", flat=True))
        assert ordinals == list(range(1, 13))
        Policy.objects.order_by("-ordinal").first().delete()  # type: ignore[union-attr]
        again = policy.policy_for([[places[11]]])
        assert Policy.objects.get(pk=again).ordinal == 13


def live_claims() -> set[tuple[str, str]]:
    rows = Claim.objects.filter(ended_at=None).values_list("user__email", "principal__external_id")
    return set(rows)


def test_a_verified_address_claims_its_identities_and_loses_them_with_the_address(
    world: World,
) -> None:
    acme = world.acme
    with tenant_context(acme):
        principal(acme, "user", "a1", email="ada@acme.example")
        principal(acme, "user", "b1", email="bo@acme.example")
        principal(acme, "user", "c1", email="cy@umbra.example")
        principal(acme, "user", "old", email="ada@acme.example", is_active=False)
        EmailAddress.objects.create(user=world.bo, email="b.alias@acme.example", verified=False)
        principal(acme, "user", "b2", email="b.alias@acme.example")
        assert claims.claim_by_verified_email() == claims.Claimed(started=2, ended=0)
        assert live_claims() == {("ada@acme.example", "a1"), ("bo@acme.example", "b1")}
        assert claims.claim_by_verified_email() == claims.Claimed(started=0, ended=0)
        EmailAddress.objects.filter(user=world.ada).update(verified=False)
        Membership.objects.filter(user=world.bo).update(is_active=False)
        assert claims.claim_by_verified_email() == claims.Claimed(started=0, ended=2)


def test_an_address_that_two_people_verified_claims_nothing(world: World) -> None:
    with tenant_context(world.acme):
        principal(world.acme, "user", "a1", email="ada@acme.example")
        twin = make_member(world.acme, "twin@acme.example")
        EmailAddress.objects.create(user=twin, email="ADA@acme.example", verified=True)
        claims.claim_by_verified_email()
        assert live_claims() == set()


def test_a_reissued_address_passes_on_only_what_its_source_names_by_it(world: World) -> None:
    with tenant_context(world.acme):
        principal(world.acme, "user", "a1", email="ada@acme.example")
        principal(world.acme, "user", "ada@acme.example", email="ada@acme.example")
        claims.claim_by_verified_email()
        EmailAddress.objects.filter(user=world.ada).delete()
        EmailAddress.objects.create(user=world.bo, email="ada@acme.example", verified=True)
        assert claims.claim_by_verified_email() == claims.Claimed(started=1, ended=2)
        assert live_claims() == {("bo@acme.example", "ada@acme.example")}


def test_an_identity_that_an_admin_gave_away_is_left_alone(world: World) -> None:
    with tenant_context(world.acme):
        claim(world.bo, principal(world.acme, "user", "a1", email="ada@acme.example"))
        assert claims.claim_by_verified_email() == claims.Claimed(started=0, ended=0)
        assert live_claims() == {("bo@acme.example", "a1")}


def test_only_people_have_an_address(world: World) -> None:
    with tenant_context(world.acme), pytest.raises(IntegrityError):
        principal(world.acme, "group", email="list@acme.example")


def test_names_of_principals_tell_nothing(world: World) -> None:
    with tenant_context(world.acme):
        made = Principal.objects.get(pk=principal(world.acme, label="Layoffs 2027").pk)
        assert made.name == f"principal:{made.uuid}"
