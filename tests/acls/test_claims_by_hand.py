"""Who counts as whom by the hand of an IT admin: matches, aliases, and what each takes back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from apps.acls import (
    claims,
    people_aliases,
    people_domains,
    people_matches,
    policy,
)
from apps.acls.errors import AlreadyHeld
from apps.acls.models import Claim, KeptApart
from apps.audit.models import Event
from apps.errors import InvalidInput
from apps.tenants.context import tenant_context
from apps.tenants.models import Membership
from tests.acls.claiming import ADA, BO, every_way, held, identity, opens, reads, verify
from tests.acls.small_worlds import acl, edge, entry, principal
from tests.world import World


@pytest.fixture
def acme(world: World) -> Iterator[World]:
    with tenant_context(world.acme):
        yield world


def test_an_identity_that_an_admin_said_is_not_the_person_denies_nothing(acme: World) -> None:
    wrong = identity(acme, "u1", ADA)
    place = acl(acme.acme)
    entry(place, wrong, allow=False, ord=0)
    entry(place, principal(acme.acme, "members"), ord=1)
    internal = policy.policy_for([[place.pk]])
    claims.claim_by_verified_email()
    people_matches.unmatch(claim=Claim.objects.get(principal=wrong), actor=acme.ida)
    assert every_way(acme.ada, internal) == {True}


def test_an_ended_alias_closes_what_it_opened(acme: World) -> None:
    secret = opens(acme, identity(acme, "u1", "b@home.example"))
    alias = people_aliases.confirm(user=acme.bo, address="b@home.example", actor=acme.ida)
    assert reads(acme.bo, secret)
    people_aliases.end(alias=alias, actor=acme.ida)
    assert not reads(acme.bo, secret)
    told = Event.objects.filter(action__startswith="alias.").order_by("pk")
    assert [event.details["claims_ended"] for event in told] == [0, 1]


def test_aliases_are_of_one_person_and_not_of_managed_domains(acme: World) -> None:
    people_aliases.confirm(user=acme.bo, address="b@home.example", actor=acme.ida)
    with pytest.raises(AlreadyHeld, match=r"bo@acme\.example"):
        people_aliases.confirm(user=acme.ada, address="b@home.example", actor=acme.ida)
    people_domains.manage(domain="acme.example", actor=acme.ida)
    with pytest.raises(InvalidInput, match="directory"):
        people_aliases.confirm(user=acme.bo, address="new@acme.example", actor=acme.ida)
    with pytest.raises(InvalidInput, match="no active member"):
        people_aliases.confirm(user=acme.cy, address="c@home.example", actor=acme.ida)


@pytest.mark.parametrize("who", ["ida", "bo"])
def test_an_address_that_somebody_has_verified_is_confirmed_for_nobody_else(
    acme: World, who: str
) -> None:
    hers = opens(acme, identity(acme, "u1", ADA))
    claims.claim_by_verified_email()
    with pytest.raises(InvalidInput):
        people_aliases.confirm(user=getattr(acme, who), address=ADA, actor=acme.ida)
    assert reads(acme.ada, hers) and not reads(getattr(acme, who), hers)
    assert Event.objects.filter(action="alias.refused", actor=acme.ida).count() == 1


def test_nobody_decides_alone_who_they_are(acme: World) -> None:
    boss, own = identity(acme, "boss"), identity(acme, "u1", "ida@acme.example")
    claims.claim_by_verified_email()
    with pytest.raises(InvalidInput, match="yourself"):
        people_matches.match(principal=boss, user=acme.ida, actor=acme.ida)
    with pytest.raises(InvalidInput, match="of your own"):
        people_aliases.confirm(user=acme.ida, address="boss@home.example", actor=acme.ida)
    # Shedding an identity sheds what denies it.
    with pytest.raises(InvalidInput, match="yourself"):
        people_matches.unmatch(claim=Claim.objects.get(principal=own), actor=acme.ida)
    assert held() == {("ida@acme.example", "u1", "email")}
    told = Event.objects.filter(action__endswith="_refused").values_list("action", flat=True)
    assert set(told) == {"identity.match_refused", "identity.unmatch_refused"}


def test_a_reissued_address_opens_nothing_of_whom_an_admin_had_matched(acme: World) -> None:
    account = identity(acme, "account-17", "jane@acme.example")
    hers = opens(acme, account)
    people_matches.match(principal=account, user=acme.ada, actor=acme.ida)
    Membership.objects.filter(tenant=acme.acme, user=acme.ada).update(is_active=False)
    verify(acme.bo, "jane@acme.example")
    assert held() == set() and not reads(acme.bo, hers)


def test_a_match_that_an_admin_took_back_keeps_nothing_from_whose_it_is(acme: World) -> None:
    account = identity(acme, "account-17", "jane@acme.example")
    wrong = people_matches.match(principal=account, user=acme.ada, actor=acme.ida)
    people_matches.unmatch(claim=wrong, actor=acme.ida)
    verify(acme.bo, "jane@acme.example")
    assert held() == {(BO, "account-17", "email")}


def test_merging_is_two_claims_and_unmerging_ends_one_at_once(acme: World) -> None:
    mail, other = identity(acme, "u1", ADA), identity(acme, "u2", "a.l@home.example")
    group = principal(acme.acme, "group")
    edge(other, group)
    first, second = opens(acme, mail), opens(acme, group)
    claims.claim_by_verified_email()
    claim = people_matches.match(principal=other, user=acme.ada, actor=acme.ida)
    assert reads(acme.ada, first) and reads(acme.ada, second)
    people_matches.unmatch(claim=claim, actor=acme.ida)
    assert reads(acme.ada, first) and not reads(acme.ada, second)
    told = Event.objects.filter(action__startswith="identity.").order_by("pk")
    assert [event.action for event in told] == ["identity.matched", "identity.unmatched"]


def test_what_an_admin_took_apart_stays_apart_until_an_admin_matches_it(acme: World) -> None:
    one = identity(acme, "u1", ADA)
    claims.claim_by_verified_email()
    people_matches.unmatch(claim=Claim.objects.get(principal=one), actor=acme.ida)
    for _ in range(2):
        claims.claim_by_verified_email()
        assert held() == set()
    people_matches.match(principal=one, user=acme.ada, actor=acme.ida)
    claims.claim_by_verified_email()
    assert held() == {(ADA, "u1", "admin")}
    assert not KeptApart.objects.filter(ended_at=None).exists()


def test_a_conflict_says_who_holds_the_identity(acme: World) -> None:
    one = identity(acme, "u1", ADA)
    claims.claim_by_verified_email()
    with pytest.raises(AlreadyHeld, match=r"already held by ada@acme\.example"):
        people_matches.match(principal=one, user=acme.bo, actor=acme.ida)
    # An admin's word makes what followed from an address stand by itself.
    people_matches.match(principal=one, user=acme.ada, actor=acme.ida)
    assert held() == {(ADA, "u1", "admin")}


def test_nobody_of_another_tenant_is_matched(acme: World) -> None:
    with pytest.raises(InvalidInput, match="no active member"):
        people_matches.match(principal=identity(acme, "u1"), user=acme.cy, actor=acme.ida)


def test_who_leaves_loses_what_an_admin_gave_too(acme: World) -> None:
    people_matches.match(principal=identity(acme, "u1"), user=acme.bo, actor=acme.ida)
    membership = Membership.objects.get(user=acme.bo, tenant=acme.acme)
    membership.is_active = False
    membership.save()
    assert claims.claim_by_verified_email().ended == 1
    membership.is_active = True
    membership.save()
    claims.claim_by_verified_email()
    assert held() == set()
