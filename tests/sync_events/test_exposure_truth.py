"""The dry run says the truth: what it tells is what people read once the pages are stored."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

import pytest
from allauth.account.models import EmailAddress
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from apps.accounts.models import User
from apps.acls import claims, people_domains, people_matches, people_unmatched, resolve
from apps.acls.models import Claim, DirectoryIdentity, Principal
from apps.connections.models import Connection
from apps.connections.protocol import Page
from apps.documents import store, waiting
from apps.documents.models import Document
from apps.errors import InvalidInput
from apps.sync_events import pages, runs
from apps.sync_events.exposure import outcome, stored, wire
from apps.sync_events.exposure.models import ExposurePage, ExposureReport, Stage
from apps.sync_events.models import Lane, RunState, SyncRun
from apps.tenants.context import tenant_context
from apps.tenants.models import Membership
from tests.acls.small_worlds import source
from tests.sources import confirmed
from tests.sync_events.exposure_pages import ADDRESSES, Source
from tests.world import World, make_member, make_world


@dataclass
class Company:
    """A tenant with a source of which nothing, or something, is stored."""

    world: World
    people: list[User]
    newcomer: User
    connection: Connection

    def sweep(self, told: list[Page]) -> None:
        """Store pages as a full sync does, to its end."""
        run = runs.request(
            self.connection, Lane.CONTENT, trigger=SyncRun.Trigger.SCHEDULE, is_sweep=True
        )
        token = runs.claim(run.pk)
        assert token is not None
        run.refresh_from_db()
        for page in told:
            pages.apply(run.pk, token, page, moves_cursor=True)
        assert run.started_at is not None
        store.delete_unseen(self.connection, run_id=run.pk, started_at=run.started_at)
        runs.finish(run.pk, token, RunState.SUCCEEDED)
        confirmed(self.connection)

    def dry_run(self, listed: list[Page], told: list[Page]) -> outcome.Found:
        """Return what the dry run says of the same pages."""
        report = ExposureReport.objects.create(tenant=self.world.acme, connection=self.connection)
        stages = [(Stage.PERMISSIONS, page) for page in listed]
        stages += [(Stage.ITEMS, page) for page in told]
        for number, (stage, page) in enumerate(stages):
            before = stored.policies_of(self.connection, [i.external_id for i in page.items])
            has_items = stage == Stage.ITEMS
            kept = wire.pack(page, before, with_items=has_items, paths=50)
            ExposurePage.objects.create(
                tenant=self.world.acme, report=report, stage=stage, number=number, told=kept
            )
        return outcome.find(report)

    def read(self) -> dict[int, set[str]]:
        """Return which documents everybody reads now."""
        found = {}
        for user in self.people:
            live = Document.objects.live().filter(
                connection=self.connection, policy_id__in=resolve.compute(user).ids.tolist()
            )
            found[user.pk] = set(live.values_list("external_id", flat=True))
        return found

    def match_by_hand(self, rng: random.Random) -> None:
        """Let an IT admin give identities to people, and take some away."""
        for identity in Principal.objects.filter(realm=self.connection.realm, kind="user"):
            try:
                if rng.random() < 0.3:
                    user = rng.choice(self.people[:4])
                    people_matches.match(principal=identity, user=user, actor=self.world.ida)
                elif rng.random() < 0.3:
                    live = Claim.objects.get(principal=identity, ended_at=None)
                    people_matches.unmatch(claim=live, actor=self.world.ida)
            except (InvalidInput, Claim.DoesNotExist):
                continue  # refused, so nothing has changed

    def give_addresses_out_again(self, rng: random.Random) -> None:
        """Let the directory say that addresses are somebody else's now."""
        if rng.random() < 0.7:
            claims.claim_from_directory(
                user=rng.choice(self.people[:-1]),  # the newcomer stays nobody
                source=DirectoryIdentity.Source.SCIM,
                addresses=rng.sample(ADDRESSES, 2),
            )


def founded(rng: random.Random) -> Company:
    """Return a company with a guest, and with addresses that only its directory gives out."""
    world = make_world()
    guest = make_member(world.acme, "gus@guests.example")
    managed = make_member(world.acme, "cy@managed.example")
    with tenant_context(world.acme):
        Membership.objects.filter(user=guest).update(is_guest=True)
        EmailAddress.objects.filter(user=guest).update(verified=rng.random() < 0.8)
        if rng.random() < 0.5:
            people_domains.manage(domain="managed.example", actor=world.ida)
        if rng.random() < 0.5:
            addresses = ["cy@managed.example", "zoe@else.example"]
            told_by = DirectoryIdentity.Source.SSO
            claims.claim_from_directory(user=managed, source=told_by, addresses=addresses)
        joined = make_member(world.acme, "new@nowhere.example")
        people = [world.ada, world.bo, guest, managed, world.ida, joined]
        newcomer = make_member(world.acme, "newer@nowhere.example")
        return Company(world, [*people, newcomer], newcomer, confirmed(source(world.acme, "drive")))


def listing(told: Source, *, is_late: bool) -> tuple[list[Page], list[Page]]:
    listed = [told.permissions(is_late=is_late) for _ in range(told.rng.randint(1, 3))]
    items = [told.items() for _ in range(told.rng.randint(1, 3))]
    return listed, [*items, *([told.rest()] if told.gone.random() < 0.3 else [])]


class ExposureTest(TestCase):
    """Each example is one company in a database of its own."""

    @settings(max_examples=12, deadline=None)
    @given(seed=st.integers(0, 2**32))
    @example(seed=967966)  # somebody who held no identity before is given an address
    def test_what_it_says_is_what_a_sync_brings(self, seed: int) -> None:
        compare(seed)

    @pytest.mark.slow
    @settings(max_examples=150, deadline=None)
    @given(seed=st.integers(0, 2**32))
    def test_what_it_says_is_what_a_sync_brings_at_length(self, seed: int) -> None:
        compare(seed)


def compare(seed: int) -> None:
    """Make a company, sync it twice or not at all, and compare the dry run with the next sync."""
    rng = random.Random(seed)  # noqa: S311  the same company each time
    company = founded(rng)
    with tenant_context(company.world.acme):
        compare_in(company, rng)


def compare_in(company: Company, rng: random.Random) -> None:
    told = Source(rng)
    for _ in range(rng.choice([0, 2, 3])):  # none: it is the first sync
        listed, items = listing(told, is_late=False)
        company.sweep([*listed, *items])
        company.match_by_hand(rng)
        company.give_addresses_out_again(rng)
    listed, items = listing(told, is_late=True)
    found = company.dry_run(listed, items)
    before = company.read()
    company.sweep([*listed, *items])
    after = company.read()
    assert said(found) == {
        user: (len(after[user]), len(after[user] - before[user]), len(before[user] - after[user]))
        for user in after
    }
    assert_waiting(company, found)
    assert_nobody(company, found)


def said(found: outcome.Found) -> dict[int, tuple[int, int, int]]:
    verdicts = found.verdicts
    return {
        member.user: (
            int(verdicts.documents[n]), int(verdicts.gained[n]), int(verdicts.lost[n])
        )
        for n, member in enumerate(found.told.members)
    }  # fmt: skip


def assert_waiting(company: Company, found: outcome.Found) -> None:
    """Compare with what a member gains who is nobody in the source yet, once that is matched."""
    mine = people_unmatched.unmatched().filter(realm=company.connection.realm)
    gained = {
        one.external_id: waiting.effect_of_match(
            principal=one, user=company.newcomer, actor=company.world.ida
        ).gained
        for one in mine
    }
    assert {name[1]: count for name, count in found.unmatched.items()} == gained
    assert waiting.behind([one.pk for one in mine]) == {
        one.pk: gained[one.external_id] for one in mine
    }


def assert_nobody(company: Company, found: outcome.Found) -> None:
    live = Document.objects.live().filter(connection=company.connection)
    everything = Counter(live.values_list("external_id", flat=True))
    read = set().union(*company.read().values())
    assert len(found.told.listing.names) == len(everything)
    assert found.documents_of(outcome.NOBODY_READS) == len(set(everything) - read)
