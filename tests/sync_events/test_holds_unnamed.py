"""What a sync opens without a new line anywhere waits too: what returns, and who an identity is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import User
from apps.acls import resolve
from apps.acls.models import HeldChange, HoldState
from apps.connections.models import Connection
from apps.connections.protocol import (
    Page,
    PrincipalKind,
    RemoteAcl,
    RemoteEntry,
    RemoteGroup,
    RemoteItem,
    RemotePrincipal,
)
from apps.documents.models import Document
from apps.sync_events import holds_changes, pages, runs
from apps.sync_events.models import Lane, RunState, SyncRun
from apps.tenants.context import tenant_context
from apps.tenants.models import Tenant
from tests.acls.small_worlds import source
from tests.world import World

GROUP = RemotePrincipal(PrincipalKind.GROUP, "g")
ADA = RemotePrincipal(PrincipalKind.USER, "u1", email="ada@acme.example")
BO = replace(ADA, email="bo@acme.example")
ITEM = RemoteItem("d", "Plan", "plan.md", "1", (("p",),))


@dataclass
class Told:
    """A source whose widenings wait above no document, and what it says."""

    tenant: Tenant
    source: Connection

    def tell(self, **page: Any) -> None:
        """Store a page of a run of its own."""
        by = SyncRun.Trigger.SCHEDULE
        run = runs.request(self.source, Lane.CONTENT, trigger=by, is_sweep=True)
        token = runs.claim(run.pk)
        assert token is not None
        pages.apply(run.pk, token, Page(timezone.now(), **page), moves_cursor=True)
        runs.finish(run.pk, token, RunState.SUCCEEDED)

    def place(self, *who: RemotePrincipal) -> None:
        """Tell of the place, and of the document that whoever reads there reads."""
        entries = tuple(RemoteEntry(one) for one in who)
        self.tell(acls=(RemoteAcl("p", "p", entries=entries),), items=(ITEM,))

    def reads(self, user: User) -> bool:
        """Return whether the document is there and lets a person read."""
        found = Document.objects.live().filter(connection=self.source).first()
        return found is not None and found.policy_id in resolve.compute(user).ids.tolist()

    def agree(self, by: User) -> None:
        """Agree to all that waits."""
        change = self.waiting()
        assert change is not None
        holds_changes.decide(change, agrees=True, seen=change.fingerprint, actor_id=by.pk)
        SyncRun.objects.filter(state=RunState.QUEUED).delete()  # the test asks the source itself

    def waiting(self) -> HeldChange | None:
        return HeldChange.objects.filter(connection=self.source, state=HoldState.WAITING).first()


@pytest.fixture
def told(world: World) -> Iterator[Told]:
    with tenant_context(world.acme):
        made = source(world.acme, "told", permissions_confirmed_at=timezone.now())
        told = Told(world.acme, made)
        told.tell()
        yield told


def hold(told: Told) -> None:
    told.source.hold_above = 0
    told.source.save()


def test_a_deleted_group_that_returns_lets_nobody_in_by_its_old_entries(
    told: Told, world: World
) -> None:
    told.tell(groups=(RemoteGroup(GROUP, (ADA,)),))
    told.place(GROUP)
    assert told.reads(world.ada)
    told.tell(deleted_groups=(GROUP,))
    hold(told)
    told.tell(deleted_groups=(GROUP,))
    assert not told.reads(world.ada) and told.waiting() is None
    told.tell(groups=(RemoteGroup(GROUP, (ADA,)),))
    assert not told.reads(world.ada)
    told.agree(world.ida)
    told.tell(groups=(RemoteGroup(GROUP, (ADA,)),))
    assert told.reads(world.ada) and told.waiting() is None


def test_a_deleted_group_that_returns_denies_at_once(told: Told, world: World) -> None:
    everybody = RemotePrincipal(PrincipalKind.MEMBERS, "members")
    told.tell(groups=(RemoteGroup(GROUP, (ADA,)),))
    entries = (RemoteEntry(GROUP, is_allowed=False), RemoteEntry(everybody, ord=1))
    told.tell(acls=(RemoteAcl("p", "p", entries=entries),), items=(ITEM,))
    told.tell(deleted_groups=(GROUP,))
    assert told.reads(world.ada)
    hold(told)
    told.tell(groups=(RemoteGroup(GROUP, (ADA,)),))
    assert not told.reads(world.ada) and told.reads(world.bo) and told.waiting() is None


def test_an_identity_with_another_address_is_nobodys_until_agreed(told: Told, world: World) -> None:
    told.place(ADA)
    assert told.reads(world.ada)
    hold(told)
    told.place(BO)
    assert not told.reads(world.bo)
    assert not told.reads(world.ada), "what takes access away does not wait"
    held = told.waiting()
    assert held is not None and (held.documents, held.people) == (1, 1)
    told.place(BO)
    again = told.waiting()
    assert again is not None and again.fingerprint == held.fingerprint
    told.agree(world.ida)
    told.place(BO)
    assert told.reads(world.bo) and not told.reads(world.ada)


def test_an_address_that_a_list_of_members_tells_waits_too(told: Told, world: World) -> None:
    told.tell(groups=(RemoteGroup(GROUP, (ADA,)),))
    told.place(GROUP)
    hold(told)
    told.tell(groups=(RemoteGroup(GROUP, (BO,)),))
    assert not told.reads(world.bo) and told.waiting() is not None


def test_an_identity_that_is_let_in_again_waits(told: Told, world: World) -> None:
    told.place(ADA)
    hold(told)
    told.place(replace(ADA, is_active=False))
    assert not told.reads(world.ada) and told.waiting() is None
    told.place(replace(ADA, is_active=True))
    assert not told.reads(world.ada)
    told.agree(world.ida)
    told.place(replace(ADA, is_active=True))
    assert told.reads(world.ada) and told.waiting() is None


def test_an_address_that_is_nobodys_here_or_opens_nothing_does_not_wait(
    told: Told, world: World
) -> None:
    told.place(ADA)
    hold(told)
    told.place(replace(ADA, email="cleo@elsewhere.example"))
    assert told.waiting() is None and not told.reads(world.ada)


def test_whom_a_source_denies_by_a_new_address_is_denied_at_once(told: Told, world: World) -> None:
    everybody = RemotePrincipal(PrincipalKind.MEMBERS, "members")

    def place(who: RemotePrincipal) -> None:
        entries = (RemoteEntry(who, is_allowed=False), RemoteEntry(everybody, ord=1))
        told.tell(acls=(RemoteAcl("p", "p", entries=entries),), items=(ITEM,))

    place(ADA)
    assert told.reads(world.bo)
    hold(told)
    place(BO)
    assert not told.reads(world.bo)


def test_a_document_that_returns_with_a_wider_policy_keeps_to_both(
    told: Told, world: World
) -> None:
    told.place(ADA)
    bo = RemotePrincipal(PrincipalKind.USER, "u2", email="bo@acme.example")
    told.tell(acls=(RemoteAcl("q", "q", entries=(RemoteEntry(bo),)),))
    told.tell(deleted_ids=("d",))
    hold(told)
    back = replace(ITEM, policy=(("q",),))
    told.tell(items=(back,))
    assert not told.reads(world.bo) and not told.reads(world.ada)
    told.agree(world.ida)
    told.tell(items=(back,))
    assert told.reads(world.bo)


def test_a_document_that_returns_as_it_left_does_not_wait(told: Told, world: World) -> None:
    told.place(ADA)
    told.tell(deleted_ids=("d",))
    assert not told.reads(world.ada)
    hold(told)
    told.tell(items=(ITEM,))
    assert told.reads(world.ada) and told.waiting() is None
