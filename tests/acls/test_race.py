"""Grants and revocations under concurrent readers: nothing leaks after an acknowledged commit.

Each part of the reading protocol is there for a reason, so each mutant that lacks one has to leak
in the same race in which the real protocol does not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

import pytest
from django.utils import timezone
from psycopg import IsolationLevel

from apps.accounts.models import User
from apps.acls import membership, policy, resolve, statement
from apps.acls.errors import NoMembership
from apps.acls.models import Acl, AclEntry, Claim, Principal
from apps.acls.readable import Scope
from apps.connections.models import Connection
from apps.tenants.models import Membership, Tenant
from tests.acls import reads
from tests.acls.races import READERS, Change, Loop, Protocol, Race, Reader, Start, rewritten
from tests.acls.reads import inside
from tests.acls.small_worlds import SOURCES, acl, claim, edge, entry, principal, source
from tests.world import World

DURATION_S = 1.5
LONG_S = 30.0
# A mutant leaks within a fraction of a second on an idle machine; a busy one gets its time.
PATIENCE_S = 60.0


@dataclass
class Ground:
    """Documents of Ada's, each of which another kind of change opens and closes; one of Bo's."""

    world: World
    tenant: Tenant = field(init=False)
    changes: dict[str, Change] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tenant = self.world.acme
        with inside(self.tenant):
            self.me = principal(self.tenant, "user", "ada")
            claim(self.world.ada, self.me)
            for lay in (
                self._entry,
                self._denial,
                self._edge,
                self._nesting,
                self._claim,
                self._denied_identity,
                self._move,
                self._cut,
                self._staleness,
                self._membership,
            ):
                lay()

    def race(self, *kinds: str) -> Race:
        return Race(self.tenant, [self.changes[kind] for kind in kinds or self.changes])

    def _add(
        self, kind: str, place: Acl, opened: Callable[[], object], closed: Callable[[], object]
    ) -> None:
        user = self.world.bo if kind == "membership" else self.world.ada
        self.changes[kind] = Change(user.pk, policy.policy_for([[place.pk]]), opened, closed)

    def _entry(self) -> None:
        place = acl(self.tenant)
        self._add(
            "entry",
            place,
            lambda: entry(place, self.me),
            lambda: AclEntry.objects.filter(content_object=place).delete(),
        )

    def _denial(self) -> None:
        entry(place := acl(self.tenant), self.me, ord=1)
        group = principal(self.tenant)
        edge(self.me, group)
        denials = AclEntry.objects.filter(content_object=place, group=group)
        self._add(
            "denial",
            place,
            denials.delete,
            lambda: entry(place, group, allow=False),
        )

    def _edge(self) -> None:
        entry(place := acl(self.tenant), group := principal(self.tenant))
        self._add("edge", place, lambda: _join(self.me, group), lambda: _leave(self.me, group))

    def _nesting(self) -> None:
        entry(place := acl(self.tenant), outer := principal(self.tenant))
        edge(self.me, inner := principal(self.tenant))
        self._add("nesting", place, lambda: _join(inner, outer), lambda: _leave(inner, outer))

    def _claim(self) -> None:
        entry(place := acl(self.tenant), alias := principal(self.tenant, "user"))
        live = Claim.objects.filter(principal=alias, ended_at=None)
        self._add(
            "claim",
            place,
            lambda: claim(self.world.ada, alias),
            lambda: live.update(ended_at=timezone.now()),
        )

    def _denied_identity(self) -> None:
        entry(place := acl(self.tenant), self.me, ord=1)
        entry(place, alias := principal(self.tenant, "user"), allow=False)
        live = Claim.objects.filter(principal=alias, ended_at=None)
        self._add(
            "denied identity",
            place,
            lambda: live.update(ended_at=timezone.now()),
            lambda: claim(self.world.ada, alias),
        )

    def _move(self) -> None:
        entry(above := acl(self.tenant), self.me)
        place = acl(self.tenant)
        moved = Acl.objects.filter(pk=place.pk)
        self._add(
            "move", place, lambda: moved.update(parent=above), lambda: moved.update(parent=None)
        )

    def _cut(self) -> None:
        entry(above := acl(self.tenant), self.me)
        place = acl(self.tenant, parent=above)
        changed = Acl.objects.filter(pk=place.pk)
        self._add(
            "cut", place, lambda: changed.update(mode="add"), lambda: changed.update(mode="cut")
        )

    def _staleness(self) -> None:
        made = source(self.tenant, SOURCES[0], permissions_confirmed_at=timezone.now())
        entry(place := acl(self.tenant, realm=SOURCES[0]), self.me)
        confirmed = Connection.objects.filter(pk=made.pk)
        self._add(
            "staleness",
            place,
            lambda: confirmed.update(permissions_confirmed_at=timezone.now()),
            lambda: confirmed.update(permissions_confirmed_at=None),
        )

    def _membership(self) -> None:
        entry(place := acl(self.tenant), principal(self.tenant, "everyone"))
        bo = Membership.objects.filter(user=self.world.bo)
        self._add(
            "membership",
            place,
            lambda: bo.update(is_active=True),
            lambda: bo.update(is_active=False),
        )


def _join(member: Principal, group: Principal) -> None:
    membership.add(group=group, members=[member], actor=None)


def _leave(member: Principal, group: Principal) -> None:
    membership.remove(group=group, members=[member], actor=None)


@dataclass
class Product:
    """Reads as the product does: by its cache in Redis, its retries and its inline set."""

    tenant: Tenant
    user: User

    def read(self, start: Start) -> set[int]:
        def run(scope: Scope) -> tuple[bool, set[int]]:
            start()
            return reads.run(scope)

        try:
            with inside(self.tenant):
                return resolve.reading(self.user, run)
        except NoMembership:
            return set()


@pytest.fixture
def ground(committed_world: World) -> Ground:
    return Ground(committed_world)


def products(ground: Ground) -> list[tuple[User, Reader]]:
    people = [ground.world.ada] * READERS + [ground.world.bo]
    return [(who, Product(ground.tenant, who)) for who in people]


def loops(ground: Ground, protocol: Protocol) -> list[tuple[User, Reader]]:
    """Return readers for Ada and one for Bo."""
    people = [ground.world.ada] * (READERS - 1) + [ground.world.bo]
    return [(who, Loop(protocol, ground.tenant, who)) for who in people]


def run(race: Race, readers: list[tuple[User, Reader]], *, seconds: float) -> None:
    """Run for a time, and longer on a busy machine, until every kind has been read past."""
    ends_at = monotonic() + seconds
    race.stops = lambda race: (
        monotonic() > ends_at
        and race.shown > 10
        and all(change.turn.closings > 2 for change in race.changes)
    )
    race.run(readers, seconds=seconds + PATIENCE_S)
    assert race.shown > 10
    assert all(change.turn.closings > 2 for change in race.changes)


def test_nothing_leaks_after_the_commit_of_any_kind_of_revocation(ground: Ground) -> None:
    race = ground.race()
    run(race, products(ground), seconds=DURATION_S)
    assert race.leaks == 0


@pytest.mark.slow
def test_nothing_leaks_however_long_the_race(ground: Ground) -> None:
    race = ground.race()
    run(race, products(ground), seconds=LONG_S)
    assert race.leaks == 0


def test_the_protocol_of_the_mutants_does_not_leak_unmutated(ground: Ground) -> None:
    race = ground.race()
    run(race, loops(ground, Protocol()), seconds=DURATION_S)
    assert race.leaks == 0


MEMBER_AND_LABEL = f"""(EXISTS (SELECT FROM {statement.MEMBER}
        AND {statement.INCARNATION} = %(scope_incarnation)s
        AND place.floor_xid <= pg_snapshot_xmin(%(scope_snapshot)s::pg_snapshot)
        AND statement_timestamp() < %(scope_valid_until)s::timestamptz)
    AND """
READ_COMMITTED = "AND current_setting('transaction_isolation') = 'read committed'"
SNAPSHOT = "pg_current_snapshot()::text AS snapshot"

MUTANTS = {
    "the label is taken after the set": Protocol(
        labelled=rewritten(statement.LABELLED_SET, SNAPSHOT, "'' AS snapshot"),
        label="SELECT pg_current_snapshot()::text",
    ),
    "the guard is a statement of its own": Protocol(is_apart=True),
    "the guard has no positive anchor, and a reader forgets the tenant": Protocol(
        guard=rewritten(statement.GUARD, MEMBER_AND_LABEL, "("), forgets_tenant=True
    ),
    "the guard accepts an old view of the rows": Protocol(
        guard=rewritten(statement.GUARD, READ_COMMITTED, ""),
        isolation=IsolationLevel.REPEATABLE_READ,
    ),
    "the guard begins at xmax": Protocol(
        guard=rewritten(
            statement.GUARD,
            "c.xid >= pg_snapshot_xmin(%(scope_snapshot)s::pg_snapshot)",
            "c.xid >= pg_snapshot_xmax(%(scope_snapshot)s::pg_snapshot)",
        )
    ),
    "the label leaves out what concerns everybody": Protocol(
        labelled=rewritten(statement.LABELLED_SET, "ARRAY[0, -", "ARRAY[-")
    ),
    "the guard asks for nothing that has changed": Protocol(
        guard=rewritten(statement.GUARD, "AND c.exact", "AND NOT c.exact")
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_race_catches_a_protocol_in_which(ground: Ground, mutant: str) -> None:
    race = ground.race()
    race.stops = lambda race: race.leaks > 0
    race.run(loops(ground, MUTANTS[mutant]), seconds=PATIENCE_S)
    assert race.leaks > 0


REFUSED = {
    "an old view of the rows": Protocol(isolation=IsolationLevel.REPEATABLE_READ),
    "no tenant": Protocol(forgets_tenant=True),
}


@pytest.mark.parametrize("seen", REFUSED)
def test_the_guard_refuses_every_reader_who_has(ground: Ground, seen: str) -> None:
    race = ground.race("entry", "move")
    readers = loops(ground, REFUSED[seen])
    race.run(readers, seconds=0.5)
    assert race.reads > 0
    assert (race.leaks, race.shown) == (0, 0)
    assert all(isinstance(loop, Loop) and loop.refusals > 0 for _, loop in readers)
