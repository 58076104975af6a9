"""What a person, and an IT admin, is told about who reads what."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import uuid4

import pytest
from django.utils import timezone
from hypothesis import given, settings

from apps.accounts.models import User
from apps.acls import explain, history, policy, readers, resolve
from apps.acls.explain import Carried
from apps.acls.explain_parts import Clause, Deciding
from apps.acls.models import Acl, AclEntry, Claim, Edge, Principal
from apps.tenants.context import tenant_context
from apps.tenants.models import Membership
from tests.acls.small_worlds import REALM, acl, claim, edge, entry, principal, source
from tests.acls.test_statement_equals_oracle import company, randomness, relaxed
from tests.world import World


@given(rng=randomness)
@settings(relaxed, max_examples=12)
def test_there_is_a_reason_exactly_for_what_is_readable_and_every_link_holds(
    world: World, rng: random.Random
) -> None:
    with company(world, rng) as made:
        now = history.now().moment
        for user in made.users:
            ids = set(resolve.compute(user).ids.tolist())
            explained = explain.explain_many(user, [Carried(p) for p in made.policies], now)
            assert {e.policy_id for e in explained if e.verdict} == ids
            for each in explained:
                assert each.verdict != bool(each.missing)
                for clause in each.clauses:
                    assert clause.is_fulfilled != bool(clause.missing)
                    if clause.deciding is not None:
                        assert_holds(user, clause, clause.deciding)


def assert_holds(user: User, clause: Clause, deciding: Deciding) -> None:
    """Assert that each link stands in the tables, and that one leads to the next."""
    granted = AclEntry.objects.get(pk=deciding.brought.row_id)
    assert granted.group_id == deciding.principal_id
    assert granted.content_object_id == deciding.place.acl_id
    assert (granted.permission.codename == "view_acl") == deciding.is_allowed
    assert deciding.is_allowed or not clause.is_fulfilled
    assert deciding.places[0].acl_id in {acl.acl_id for acl in clause.acls}
    for below, above in pairwise(deciding.places):
        assert Acl.objects.get(pk=below.acl_id).parent_id == above.acl_id
        assert granted.sticky or not below.is_cut
    if deciding.is_by_unknown:
        return
    start = deciding.groups[0].member_id if deciding.groups else deciding.principal_id
    if deciding.identity is not None:
        assert deciding.identity.principal_id == start
        assert Claim.objects.filter(user=user, principal_id=start, ended_at=None).exists()
    else:
        assert Principal.objects.get(pk=start).kind in ("members", "everyone")
    reached = start
    for step in deciding.groups:
        assert step.member_id == reached
        stored = Edge.objects.get(pk=step.brought.row_id)
        assert (stored.member_id, stored.group_id) == (step.member_id, step.group_id)
        reached = step.group_id
    assert reached == deciding.principal_id


def missing(world: World, *places: Acl) -> str:
    explained = explain.explain(
        world.ada, Carried(policy.policy_for([[place.pk for place in places]]))
    )
    assert not explained.verdict
    return "; ".join(explained.missing)


@pytest.fixture
def board(world: World) -> Iterator[Principal]:
    """A group that Ada is in by an identity of hers, with Acme bound."""
    with tenant_context(world.acme):
        me, made = principal(world.acme, "user", "ada"), principal(world.acme, label="Board")
        claim(world.ada, me)
        edge(me, made)
        yield made


@pytest.fixture
def past() -> datetime:
    return timezone.now() - timedelta(hours=1)


def test_who_is_recognised_nowhere_is_told_so(world: World) -> None:
    with tenant_context(world.acme):
        place = acl(world.acme, "/all")
        entry(place, principal(world.acme, label="Staff"))
        assert missing(world, place) == (
            f"not recognised: nobody in {REALM} is matched with this person"
        )


def test_a_membership_that_is_missing_or_has_ended_is_named(
    world: World, board: Principal, past: datetime
) -> None:
    place, staff = acl(world.acme, "/all"), principal(world.acme, label="Staff")
    entry(place, staff)
    assert missing(world, place) == "not among those whom /all names (Staff)"
    lost = principal(world.acme, label="Lost")
    edge(Principal.objects.get(label="ada"), lost, expires_at=past)
    edge(lost, staff)
    assert missing(world, place).startswith("the membership in Lost ended at ")
    denied = acl(world.acme, "/denied")
    entry(denied, board, allow=False)
    everywhere = missing(world, denied, place)
    assert "denied by /denied" in everywhere and "the membership in Lost" in everywhere


def test_a_denial_is_named_and_whether_nobody_knows_whom_it_means(
    world: World, board: Principal
) -> None:
    denied, dim = acl(world.acme, "/denied"), acl(world.acme, "/dim")
    entry(denied, board, allow=False)
    assert missing(world, denied) == "denied by /denied, which keeps Board out"
    entry(dim, principal(world.acme, label="Dark", members_known=False), allow=False)
    entry(dim, board, ord=1)
    assert missing(world, dim) == "denied by /dim: it keeps Dark out, and nobody knows who is in it"


def test_an_entry_that_has_ended_or_is_cut_off_or_is_not_there_is_named(
    world: World, board: Principal, past: datetime
) -> None:
    over, closed = acl(world.acme, "/over"), acl(world.acme, "/closed")
    entry(over, board, expires_at=past)
    assert missing(world, over).startswith("what /over granted Board expired at ")
    entry(closed, board)
    cut = acl(world.acme, "/closed/cut", parent=closed, mode="cut")
    assert missing(world, cut) == "a place below /closed cuts off what it grants Board"
    assert missing(world, acl(world.acme, "/empty")) == (
        "nobody is let in on the way from /empty up to /empty"
    )


def test_who_is_not_active_in_the_source_is_named_identity_or_group(
    world: World, board: Principal
) -> None:
    late, gone = acl(world.acme, "/late"), acl(world.acme, "/gone")
    old = principal(world.acme, "user", "old", is_active=False)
    claim(world.ada, old)
    entry(late, old)
    assert missing(world, late) == "the identity old is not active in its source"
    retired = principal(world.acme, label="Retired", is_active=False)
    edge(Principal.objects.get(label="ada"), retired)
    entry(gone, retired)
    assert missing(world, gone) == "Retired, whom /gone names, is not active in its source"


def test_what_is_true_of_the_document_or_the_person_altogether_is_named(
    world: World, board: Principal
) -> None:
    nobody = explain.explain(world.ada, Carried(policy.nobody(), is_deleted=True))
    assert nobody.missing == (
        "nobody may read it: its readers are not known",
        "the document was deleted",
    )
    entry(place := acl(world.acme, "/all"), board)
    Membership.objects.filter(user=world.ada).update(is_active=False)
    assert missing(world, place) == "no active membership in the organisation"


def test_permissions_that_are_too_old_are_the_missing_link(world: World) -> None:
    with tenant_context(world.acme):
        place = acl(world.acme, "/all")
        entry(place, principal(world.acme, "members"))
        source(world.acme, REALM)
        assert "were too old" in missing(world, place)


def test_who_brought_a_link_and_when_is_told(world: World) -> None:
    with tenant_context(world.acme):
        me, place, run, seen = (
            principal(world.acme, "user"),
            acl(world.acme),
            uuid4(),
            timezone.now(),
        )
        claim(world.ada, me)
        entry(place, me, brought_by=run, observed_at=seen)
        explained = explain.explain(world.ada, Carried(policy.policy_for([[place.pk]])))
        [clause] = explained.clauses
        assert clause.deciding is not None
        assert clause.deciding.brought.brought_by == run
        assert clause.deciding.brought.observed_at == seen


def sentence(world: World, *clauses: list[Acl]) -> str:
    reason = explain.why(world.ada, policy.policy_for([[a.pk for a in c] for c in clauses]))
    assert reason is not None
    return reason.sentence


def test_the_sentence_names_the_way_and_the_place(world: World) -> None:
    acme = world.acme
    with tenant_context(acme):
        me = principal(acme, "user", "ada")
        claim(world.ada, me)
        leads, finance = principal(acme, label="Leads"), principal(acme, label="Finance")
        edge(me, leads)
        edge(leads, finance)
        edge(finance, leads)
        top = acl(acme, "/finance")
        below = acl(acme, "/finance/plans", parent=top)
        entry(top, finance)
        own, all_of_us = acl(acme, "/own"), acl(acme, "/all")
        entry(own, me)
        entry(all_of_us, principal(acme, "members"))
        assert sentence(world, [below]) == (
            "You can read this because you are in Leads, which belongs to Finance,"
            " which is among the readers of /finance."
        )
        assert sentence(world, [own]) == (
            "You can read this because you are among the readers of /own."
        )
        assert sentence(world, [own], [all_of_us]) == (
            "You can read this because you are among the readers of /own,"
            " and everyone in your organisation is among the readers of /all."
        )
        entry(below, leads)
        assert sentence(world, [below]) == (
            "You can read this because you are in Leads,"
            " which is among the readers of /finance/plans."
        )
        assert explain.why(world.bo, policy.policy_for([[top.pk]])) is None


def test_readers_of_many_policies_are_listed_at_once(world: World) -> None:
    acme = world.acme
    with tenant_context(acme):
        finance, staff = principal(acme, label="Finance"), principal(acme, label="Staff")
        top = acl(acme)
        entry(top, staff)
        entry(top, principal(acme, label="Villains"), allow=False)
        below, cut = acl(acme, parent=top), acl(acme, parent=top, mode="cut")
        entry(below, finance)
        entry(cut, principal(acme, "members"))
        many = acl(acme)
        for n in range(7):
            entry(many, principal(acme, label=f"G{n}"))
        a, b, c, both, none = policy.policies_for(
            [[[below.pk]], [[cut.pk]], [[many.pk]], [[below.pk], [cut.pk]], [[acl(acme).pk]]]
        )
        assert readers.readers_of([a, b, c, both, none, policy.nobody()]) == {
            a: ["Finance", "Staff"],
            b: ["All members"],
            c: ["G0", "G1", "G2", "G3", "3 more"],
            both: ["Finance or Staff and All members"],
            none: [],
            policy.nobody(): [],
        }
