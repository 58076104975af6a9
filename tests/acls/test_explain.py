"""What a person, and an IT admin, is told about who reads what."""

from __future__ import annotations

import random

from hypothesis import given

from apps.acls import explain, policy, readers, resolve
from apps.acls.models import Acl
from apps.tenants.context import tenant_context
from tests.acls.small_worlds import acl, claim, edge, entry, principal
from tests.acls.test_statement_equals_oracle import company, randomness, relaxed
from tests.world import World


@given(rng=randomness)
@relaxed
def test_there_is_a_reason_exactly_for_what_is_readable(world: World, rng: random.Random) -> None:
    with company(world, rng) as made:
        for user in made.users:
            ids = set(resolve.compute(user).ids.tolist())
            explained = {p for p in made.policies if explain.why(user, p) is not None}
            assert explained == ids


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
