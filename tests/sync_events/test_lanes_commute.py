"""Pages of the content and the permission lane in any order, twice, and retried.

The end equals the newest observation, and nothing in between is wider than what the old state and
the new one grant together.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.acls import resolve
from apps.connections.dialects.value import value
from apps.connections.models import Connection
from apps.connections.protocol import (
    Mode,
    Page,
    PrincipalKind,
    RemoteAcl,
    RemoteEntry,
    RemoteGroup,
    RemoteItem,
    RemotePrincipal,
)
from apps.documents.models import Document
from apps.sync_events import pages, runs
from apps.sync_events.models import Lane, SyncRun
from apps.tenants.context import tenant_context
from tests.undone import undone
from tests.world import World

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PEOPLE = ("ada@acme.example", "bo@acme.example")
ITEMS = ("a", "b", "c")


def person(address: str) -> RemotePrincipal:
    return RemotePrincipal(PrincipalKind.USER, address, email=address)


STAFF = RemotePrincipal(PrincipalKind.GROUP, "staff")


@dataclass(frozen=True)
class State:
    """What the source grants at one moment: the place's own readers, the staff, and each item's."""

    staff: frozenset[str]
    place: frozenset[str]
    has_staff: bool
    is_cut: bool
    own: tuple[frozenset[str] | None, ...]  # by item: readers of its own value, None: the place's

    def readers(self) -> dict[str, set[str]]:
        place = set(self.place) | (set(self.staff) if self.has_staff else set())
        return {i: place if o is None else set(o) for i, o in zip(ITEMS, self.own, strict=True)}

    def pages(self, at: datetime) -> list[tuple[Lane, Page]]:
        """Return what both lanes tell of this state."""
        entries = [RemoteEntry(person(p)) for p in sorted(self.place)]
        entries += [RemoteEntry(STAFF)] if self.has_staff else []
        mode = Mode.CUT if self.is_cut else Mode.ADD
        place = RemoteAcl("place", "/", mode=mode, entries=tuple(entries))
        values = [
            None if o is None else value(RemoteEntry(person(p)) for p in sorted(o))
            for o in self.own
        ]
        policies = [(("place" if v is None else v.external_id,),) for v in values]
        acls = (place, *(v for v in values if v is not None))
        groups = (RemoteGroup(STAFF, tuple(map(person, sorted(self.staff)))),)
        items = tuple(
            RemoteItem(i, i, i, "1", policy) for i, policy in zip(ITEMS, policies, strict=True)
        )
        told = tuple(zip(ITEMS, policies, strict=True))
        return [
            (Lane.PERMISSIONS, Page(at, groups=groups, acls=acls, item_policies=told)),
            (Lane.CONTENT, Page(at + timedelta(seconds=1), groups=groups, acls=acls, items=items)),
        ]


someone = st.frozensets(st.sampled_from(PEOPLE))
states = st.builds(
    State, someone, someone, st.booleans(), st.booleans(), st.tuples(*[st.none() | someone] * 3)
)


@contextmanager
def source(world: World) -> Iterator[Connection]:
    with tenant_context(world.acme), undone():
        yield Connection.objects.create(
            tenant=world.acme,
            kind="file_share",
            name="Papers",
            realm="papers",
            permissions_confirmed_at=timezone.now(),
        )


class Lanes:
    """One claimed run of each lane, as two workers hold them."""

    def __init__(self, connection: Connection) -> None:
        self._claimed = {}
        for lane in (Lane.PERMISSIONS, Lane.CONTENT):
            run = runs.request(connection, lane, trigger=SyncRun.Trigger.SCHEDULE)
            token = runs.claim(run.pk)
            assert token is not None
            self._claimed[lane] = run.pk, token

    def take(self, told: tuple[Lane, Page]) -> None:
        lane, page = told
        run_id, token = self._claimed[lane]
        pages.apply(run_id, token, page, moves_cursor=False)


def readers(world: World) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {item: set() for item in ITEMS}
    for user in (world.ada, world.bo):
        mine = set(resolve.compute(user).ids.tolist())
        for document in Document.objects.live():
            if document.policy_id in mine:
                found[document.external_id].add(user.email)
    return found


@given(old=states, new=states, order=st.lists(st.integers(0, 3), max_size=6), data=st.data())
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_order_ends_at_the_newest_and_is_never_wider_than_old_and_new(
    world: World, old: State, new: State, order: list[int], data: st.DataObject
) -> None:
    before, after = old.pages(NOON), new.pages(NOON + timedelta(minutes=1))
    steps = [*before, *after]
    # Every page at least once, in any order; some of them again, as a retry or a late worker tells.
    late = data.draw(st.permutations([0, 1, 2, 3, *order]))
    with source(world) as connection:
        lanes = Lanes(connection)
        for told in before:
            lanes.take(told)
        assert readers(world) == old.readers()
        for number in late:
            lanes.take(steps[number])
            for item, who in readers(world).items():
                assert who <= old.readers()[item] | new.readers()[item]
        assert readers(world) == new.readers()
