"""Stores what a dialect made, and asks the real engine what each person reads by it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, settings

from apps.accounts.models import User
from apps.acls import policy, record, resolve
from apps.acls.models import Claim, Principal
from apps.connections.protocol import (
    PrincipalKind,
    RemoteAcl,
    RemoteGroup,
    RemotePolicy,
    RemotePrincipal,
)
from apps.tenants.context import tenant_context
from apps.tenants.models import Membership
from tests.undone import undone
from tests.world import World, make_member

REALM = "dialect"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
# Of the run: what ended and what still lasts.
NOW = datetime.now(UTC)
PAST, AHEAD = NOW - timedelta(hours=1), NOW + timedelta(hours=1)

relaxed = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
# Where one example holds many cases.
crowded = settings(relaxed, max_examples=5)


def person(name: str) -> RemotePrincipal:
    return RemotePrincipal(PrincipalKind.USER, name)


def group(name: str) -> RemotePrincipal:
    return RemotePrincipal(PrincipalKind.GROUP, name)


def policy_of(name: str) -> RemotePolicy:
    """Return the policy of whoever reads at one place."""
    return ((name,),)


@dataclass
class Company:
    """People of a tenant by a short name, each the holder of one identity of the source."""

    world: World
    people: dict[str, User]

    def tell(
        self,
        acls: Iterable[RemoteAcl],
        groups: Mapping[RemotePrincipal, Collection[str]] | None = None,
    ) -> None:
        """Store lists, and groups with the people in them."""
        told = [RemoteGroup(g, tuple(map(person, sorted(m)))) for g, m in (groups or {}).items()]
        record.apply(REALM, groups=told, acls=list(acls), observed_at=NOON)

    def readers(self, wanted: RemotePolicy) -> set[str]:
        """Return who reads by a policy, as the engine's statement says."""
        return self.all_readers([wanted])[0]

    def all_readers(self, wanted: Sequence[RemotePolicy]) -> list[set[str]]:
        """Return who reads by each of many policies."""
        ids = policy.policies_for_places(REALM, list(wanted))
        sets = {name: set(resolve.compute(u).ids.tolist()) for name, u in self.people.items()}
        return [{name for name, seen in sets.items() if pk in seen} for pk in ids]


@contextmanager
def company(
    world: World, names: Sequence[str], *, guests: Collection[str] = ()
) -> Iterator[Company]:
    """Bind a tenant in which each name is a person with that identity, and undo everything."""
    with tenant_context(world.acme), undone():
        people = {
            name: make_member(world.acme, f"{name.strip('/').replace('/', '-')}@source.example")
            for name in names
        }
        record.apply(REALM, principals=[person(name) for name in names], observed_at=NOON)
        for name, user in people.items():
            identity = Principal.objects.get(realm=REALM, kind="user", external_id=name)
            Claim.objects.create(tenant=world.acme, user=user, principal=identity, source="admin")
            if name in guests:
                Membership.objects.filter(user=user).update(is_guest=True)
        yield Company(world, people)
