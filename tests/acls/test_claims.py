"""Who counts as whom: the directory's word, a confirmed address, a verified one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from allauth.account.models import EmailAddress
from django.utils import timezone

from apps.acls import (
    claims,
    explain,
    people_aliases,
    people_domains,
    people_matches,
    policy,
    record,
)
from apps.acls.errors import AlreadyHeld
from apps.acls.models import Claim, ConfirmedAlias, DirectoryIdentity, Principal
from apps.connections.protocol import PrincipalKind, RemotePrincipal
from apps.errors import InvalidInput
from apps.tenants.context import tenant_context
from apps.tenants.models import Membership
from tests.acls.claiming import ADA, BO, every_way, held, identity, opens, reads, verify
from tests.acls.small_worlds import acl, edge, entry, principal
from tests.world import World, make_member

SSO, SCIM = DirectoryIdentity.Source.SSO, DirectoryIdentity.Source.SCIM


@pytest.fixture
def acme(world: World) -> Iterator[World]:
    with tenant_context(world.acme):
        yield world


@pytest.mark.parametrize("by_group", [False, True], ids=["itself", "by group"])
def test_by_dropping_an_address_nobody_sheds_what_denies_them(acme: World, by_group: bool) -> None:
    hers, team = identity(acme, "u1", ADA), principal(acme.acme, "group")
    edge(hers, team)
    place = acl(acme.acme)
    entry(place, team if by_group else hers, allow=False, ord=0)
    entry(place, principal(acme.acme, "members"), ord=1)
    internal = policy.policy_for([[place.pk]])
    own = opens(acme, hers)
    claims.claim_by_verified_email()
    assert every_way(acme.ada, internal) == {False} and every_way(acme.bo, internal) == {True}
    EmailAddress.objects.filter(user=acme.ada).delete()
    claims.claim_by_verified_email()
    assert held() == set()
    assert every_way(acme.ada, internal) == {False} and every_way(acme.ada, own) == {False}
    told = explain.explain(acme.ada, explain.Carried(internal)).sentence
    assert "this person has been that, or in it" in told
    # Whoever has the identity now is denied instead, until they leave.
    people_matches.match(principal=hers, user=acme.bo, actor=acme.ida)
    assert every_way(acme.ada, internal) == {True} and every_way(acme.bo, internal) == {False}
    Membership.objects.filter(tenant=acme.acme, user=acme.bo).update(is_active=False)
    claims.claim_by_verified_email()
    assert every_way(acme.ada, internal) == {False}


def test_in_a_managed_domain_an_address_counts_only_from_the_directory(acme: World) -> None:
    secret = opens(acme, identity(acme, "u1", ADA))
    claims.claim_by_verified_email()
    assert reads(acme.ada, secret)
    _, claimed = people_domains.manage(domain="@ACME.example", actor=acme.ida)
    assert claimed == claims.Claimed(started=0, ended=1)
    assert held() == set()
    assert not reads(acme.ada, secret)
    claims.claim_from_directory(user=acme.ada, source=SSO, addresses=["Ada@Acme.example"])
    assert held() == {(ADA, "u1", "sso")}
    assert reads(acme.ada, secret)


def test_a_released_domain_lets_verified_addresses_count_again(acme: World) -> None:
    identity(acme, "u1", ADA)
    managed, _ = people_domains.manage(domain="acme.example", actor=acme.ida)
    assert people_domains.release(managed=managed, actor=acme.ida).started == 1
    assert held() == {(ADA, "u1", "email")}


def test_a_managed_domain_is_meant_in_both_ways_of_writing_it(acme: World) -> None:
    people_domains.manage(domain="Bücher.example", actor=acme.ida)
    for number, address in enumerate(["a@bücher.example", "a@xn--bcher-kva.example"]):
        identity(acme, f"u{number}", address)
        verify(acme.ada, address)
        assert people_domains.is_managed(address)
    assert held() == set()


def test_the_directory_s_word_is_worth_more_than_an_alias_and_that_more_than_one_s_own(
    acme: World,
) -> None:
    identity(acme, "u1", "shared@home.example")
    people_aliases.confirm(user=acme.bo, address="Shared@home.example", actor=acme.ida)
    verify(acme.ada, "shared@home.example")
    assert held() == {(BO, "u1", "alias")}
    people_aliases.end(alias=ConfirmedAlias.objects.get(), actor=acme.ida)
    # An address that somebody else has held by an id of the source passes only by hand.
    assert held() == set()
    identity(acme, "u2", "Bo.Old@home.example".lower())
    people_aliases.confirm(user=acme.bo, address="bo.old@home.example", actor=acme.ida)
    assert held() == {(BO, "u2", "alias")}
    claims.claim_from_directory(user=acme.ada, source=SCIM, addresses=["bo.old@home.example"])
    assert held() == set()


def test_a_reissued_address_opens_nothing_of_its_former_holder(acme: World) -> None:
    """The directory gives ada@ to Bo, while the source still has it on Ada's account."""
    people_domains.manage(domain="acme.example", actor=acme.ida)
    hers = opens(acme, identity(acme, "account-17", ADA))
    claims.claim_from_directory(user=acme.ada, source=SCIM, addresses=[ADA])
    assert reads(acme.ada, hers)
    claims.claim_from_directory(user=acme.bo, source=SCIM, addresses=[BO, ADA])
    assert held() == set()
    assert not reads(acme.ada, hers) and not reads(acme.bo, hers)
    # Then the source moves the address to an account of its own.
    now = timezone.now()
    record.apply(
        "test",
        principals=[
            RemotePrincipal(PrincipalKind.USER, "account-17", email="ada.old@acme.example"),
            RemotePrincipal(PrincipalKind.USER, "account-90", email=ADA),
        ],
        observed_at=now,
    )
    assert held() == {(BO, "account-90", "scim")}
    assert not reads(acme.bo, hers)


def test_where_the_source_names_people_by_address_a_reissued_one_passes_on(acme: World) -> None:
    identity(acme, ADA, ADA)
    claims.claim_from_directory(user=acme.ada, source=SCIM, addresses=[ADA])
    assert claims.claim_from_directory(
        user=acme.bo, source=SCIM, addresses=[ADA]
    ) == claims.Claimed(started=1, ended=1)
    assert held() == {(BO, ADA, "scim")}


def test_an_identity_whose_address_changes_is_lost_by_address_but_not_by_hand(acme: World) -> None:
    mail, hand = identity(acme, "u1", ADA), identity(acme, "u2", ADA)
    people_matches.match(principal=hand, user=acme.ada, actor=acme.ida)
    claims.claim_by_verified_email()
    assert held() == {(ADA, "u1", "email"), (ADA, "u2", "admin")}
    Principal.objects.filter(pk__in=[mail.pk, hand.pk]).update(email="else@acme.example")
    claims.claim_by_verified_email()
    assert held() == {(ADA, "u2", "admin")}
    assert Claim.objects.filter(principal=mail).get().ended_at is not None


def test_who_is_out_of_the_directory_claims_nothing_by_verifying(acme: World) -> None:
    identity(acme, "u1", ADA)
    claims.claim_from_directory(user=acme.ada, source=SSO, addresses=[ADA])
    claims.claim_from_directory(user=acme.ada, source=SCIM, addresses=[ADA], is_active=False)
    assert held() == set()
    claims.claim_from_directory(user=acme.ada, source=SCIM, addresses=[ADA])
    assert held() == {(ADA, "u1", "scim")}
    # The directory does not name the address any more: it is not hers, whatever she verifies.
    claims.claim_from_directory(user=acme.ada, source=SCIM, addresses=[])
    claims.claim_from_directory(user=acme.ada, source=SSO, addresses=[])
    assert held() == set()


def test_what_is_said_of_who_does_not_belong_here_claims_nothing(acme: World) -> None:
    identity(acme, "u1", "cy@umbra.example")
    claims.claim_from_directory(user=acme.cy, source=SCIM, addresses=["cy@umbra.example"])
    assert held() == set()


def test_a_guest_holds_identities_but_is_not_among_all_members(acme: World) -> None:
    shared = opens(acme, identity(acme, "u1", "guest@home.example"))
    internal = opens(acme, principal(acme.acme, "members"))
    guest = make_member(acme.acme, "guest@home.example")
    Membership.objects.filter(user=guest).update(is_guest=True)
    claims.claim_by_verified_email()
    assert reads(guest, shared) and not reads(guest, internal)
    assert reads(acme.ada, internal) and not reads(acme.ada, shared)


def test_a_list_s_mailbox_claims_nothing(acme: World) -> None:
    """Whoever reads the mail of a list could verify its address."""
    verify(acme.bo, "finance@home.example")
    record.apply(
        "test",
        principals=[RemotePrincipal(PrincipalKind.GROUP, "finance", email="finance@home.example")],
        observed_at=timezone.now(),
    )
    finance = Principal.objects.get(external_id="finance")
    assert finance.email == ""
    secret = opens(acme, finance)
    claims.claim_by_verified_email()
    assert held() == set() and not reads(acme.bo, secret)
    with pytest.raises(InvalidInput, match="no single person"):
        people_matches.match(principal=finance, user=acme.bo, actor=acme.ida)


@pytest.mark.parametrize(
    "gone", [{"is_active": False}, {"deleted_at": timezone.now()}], ids=["inactive", "deleted"]
)
def test_what_its_source_does_not_use_any_more_is_claimed_by_nobody(
    acme: World, gone: dict[str, object]
) -> None:
    one, by_hand = identity(acme, "u1", ADA), identity(acme, "u2")
    first, second = opens(acme, one), opens(acme, by_hand)
    claims.claim_by_verified_email()
    people_matches.match(principal=by_hand, user=acme.ada, actor=acme.ida)
    assert reads(acme.ada, first) and reads(acme.ada, second)
    Principal.objects.filter(pk__in=[one.pk, by_hand.pk]).update(**gone)
    assert not reads(acme.ada, first) and not reads(acme.ada, second)
    claims.claim_by_verified_email()
    assert held() == {(ADA, "u2", "admin")}
    with pytest.raises(InvalidInput, match="not in use"):
        people_matches.match(principal=one, user=acme.bo, actor=acme.ida)


def test_claims_follow_an_operator_who_takes_away_a_sign_in_and_gives_it_back(acme: World) -> None:
    identity(acme, "u1", ADA)
    claims.claim_by_verified_email()
    for is_active in (False, True):
        acme.ada.is_active = is_active
        acme.ada.save()
        assert held() == ({(ADA, "u1", "email")} if is_active else set())


def test_a_domain_is_managed_in_one_tenant_without_a_word_about_others(world: World) -> None:
    with tenant_context(world.umbra):
        people_domains.manage(domain="acme.example", actor=world.cy)
    with tenant_context(world.acme):
        # What another tenant manages says nothing about whose address counts here.
        identity(world, "u1", ADA)
        assert claims.claim_by_verified_email().started == 1
        # Nor can it be found out, or kept from those whose domain it is.
        assert people_domains.checked("acme.example") == "acme.example"
        _, claimed = people_domains.manage(domain="acme.example", actor=world.ida)
        assert claimed.ended == 1
        with pytest.raises(AlreadyHeld, match="managed already"):
            people_domains.manage(domain="acme.example", actor=world.ida)


@pytest.mark.parametrize(
    "wrong", ["gmail.com", "GMX.de", "localhost", "a b.example", "10.0.0.1", "-x.example", "", "@"]
)
def test_what_is_no_domain_of_a_company_is_refused(acme: World, wrong: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        people_domains.manage(domain=wrong, actor=acme.ida)
    assert refused.value.hint
