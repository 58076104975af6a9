"""What a person, and an IT admin, is told about who reads what."""

from __future__ import annotations

import random
from datetime import timedelta
from itertools import pairwise
from uuid import uuid4

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


def test_the_missing_link_is_named(world: World) -> None:
    acme, past = world.acme, timezone.now() - timedelta(hours=1)
    with tenant_context(acme):
        me, old = principal(acme, "user", "ada"), principal(acme, "user", "old", is_active=False)
        staff, board = principal(acme, label="Staff"), principal(acme, label="Board")
        lost, dark = principal(acme, label="Lost"), principal(acme, label="Dark")
        for_all, denied, over, closed, late, dim = (
            acl(acme, label) for label in ("/all", "/denied", "/over", "/closed", "/late", "/dim")
        )
        entry(for_all, staff)
        assert missing(world, for_all) == (
            f"no claim: nobody in {REALM} is recognised as this person"
        )
        claim(world.ada, me)
        assert missing(world, for_all) == "not among those whom /all names (Staff)"
        edge(me, lost, expires_at=past)
        edge(lost, staff)
        assert missing(world, for_all).startswith("the membership in Lost ended at ")
        edge(me, board)
        entry(denied, board, allow=False)
        assert missing(world, denied) == "denied by /denied, which keeps Board out"
        entry(over, board, expires_at=past)
        assert missing(world, over).startswith("what /over granted Board expired at ")
        entry(closed, board)
        cut = acl(acme, "/closed/cut", parent=closed, mode="cut")
        assert missing(world, cut) == "a place below /closed cuts off what it grants Board"
        claim(world.ada, old)
        entry(late, old)
        assert missing(world, late) == "old, whom /late names, is not active in its source" or (
            missing(world, late) == "the identity old is not active in its source"
        )
        Principal.objects.filter(pk=dark.pk).update(members_known=False)
        entry(dim, dark, allow=False)
        entry(dim, board, ord=1)
        assert missing(world, dim) == (
            "denied by /dim: it keeps Dark out, and nobody knows who is in it"
        )
        assert missing(world, acl(acme, "/empty")) == (
            "nobody is let in on the way from /empty up to /empty"
        )
        everywhere = missing(world, denied, for_all)
        assert "denied by /denied" in everywhere and "the membership in Lost" in everywhere
        nobody = explain.explain(world.ada, Carried(policy.nobody(), is_deleted=True))
        assert nobody.missing == (
            "nobody may read it: its readers are not known",
            "the document was deleted",
        )
        Membership.objects.filter(user=world.ada).update(is_active=False)
        assert missing(world, for_all) == "no active membership in the organisation"


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
