"""A source says that a place is gone: so is what stands there alone, and nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from django.utils import timezone

from apps.acls import policy
from apps.connections.models import Connection
from apps.connections.protocol import Mode, Page, RemoteAcl, RemoteItem, RemotePolicy
from apps.documents.models import Document
from apps.sync_events import pages, runs
from apps.sync_events.models import Lane, SyncRun
from apps.tenants.context import tenant_context
from tests.world import World

# By item, the places that its policy names.
POLICIES: dict[str, RemotePolicy] = {
    "there": (("gone",),),
    "below": (("gone/deep",),),
    "behind a cut": (("gone/shut",),),
    "there and below": (("gone", "gone/deep"),),
    "only with another": (("gone",), ("stays",)),
    "below, only with another": (("stays",), ("gone/deep",)),
    "also elsewhere": (("gone", "stays"),),
    "also elsewhere, and only with another": (("gone", "stays"), ("stays",)),
    "elsewhere": (("stays",),),
    "above": (("root",),),
}
STAYING = {
    "also elsewhere",
    "also elsewhere, and only with another",
    "elsewhere",
    "above",
}
PLACES = (
    RemoteAcl("root", "root"),
    RemoteAcl("gone", "gone", parent="root"),
    RemoteAcl("gone/deep", "deep", parent="gone"),
    RemoteAcl("gone/shut", "shut", parent="gone", mode=Mode.CUT),
    RemoteAcl("stays", "stays", parent="root"),
)
SEEN = timezone.now() - timedelta(minutes=10)


class Source:
    """A connection, and a worker that stores what it says."""

    def __init__(self, world: World, name: str, realm: str = "papers") -> None:
        self.connection = Connection.objects.create(
            tenant=world.acme, kind="file_share", name=name, realm=realm
        )
        run = runs.request(self.connection, Lane.CONTENT, trigger=SyncRun.Trigger.SCHEDULE)
        self._run_id, self._token = run.pk, self._claimed(run)

    def _claimed(self, run: SyncRun) -> UUID:
        token = runs.claim(run.pk)
        assert token is not None
        return token

    def tell(self, page: Page) -> None:
        pages.apply(self._run_id, self._token, page, moves_cursor=False)

    def tell_of_all(self) -> None:
        items = tuple(RemoteItem(name, name, name, "1", POLICIES[name]) for name in POLICIES)
        self.tell(Page(SEEN, items=items, acls=PLACES))

    def lose(self, *places: str, at: datetime | None = None) -> None:
        self.tell(Page(at or timezone.now(), deleted_places=places))

    def live(self) -> set[str]:
        found = Document.objects.live().filter(connection=self.connection)
        return set(found.values_list("external_id", flat=True))


@pytest.fixture
def source(world: World) -> Source:
    with tenant_context(world.acme):
        made = Source(world, "papers")
        made.tell_of_all()
        assert made.live() == POLICIES.keys()
    return made


def test_what_has_no_other_way_is_gone_and_all_else_stays(world: World, source: Source) -> None:
    with tenant_context(world.acme):
        source.lose("gone")
        assert source.live() == STAYING
        run = SyncRun.objects.get()
        assert run.deleted == len(POLICIES) - len(STAYING)


def test_a_place_below_takes_nothing_above_it_along(world: World, source: Source) -> None:
    with tenant_context(world.acme):
        source.lose("gone/deep")
        assert source.live() == POLICIES.keys() - {"below", "below, only with another"}


def test_all_ways_that_are_gone_together_are_no_way(world: World, source: Source) -> None:
    with tenant_context(world.acme):
        source.lose("gone", "stays")
        assert source.live() == {"above"}


def test_an_older_observation_deletes_nothing_newer(world: World, source: Source) -> None:
    with tenant_context(world.acme):
        source.lose("gone", at=SEEN - timedelta(seconds=1))
        assert source.live() == POLICIES.keys()
        again = RemoteItem("there", "there", "there", "1", POLICIES["there"])
        source.tell(Page(SEEN + timedelta(minutes=2), items=(again,)))
        source.lose("gone", at=SEEN + timedelta(minutes=1))
        assert source.live() == {*STAYING, "there"}, "it was seen there later"


def test_a_place_of_the_same_name_in_another_realm_is_another(world: World, source: Source) -> None:
    with tenant_context(world.acme):
        Source(world, "wiki", realm="wiki").tell_of_all()
        within = {
            realm: set(policy.policies_within(realm, ["gone"])) for realm in ("papers", "wiki")
        }
    assert len(within["papers"]) == len(within["wiki"]) == len(POLICIES) - len(STAYING)
    assert within["papers"].isdisjoint(within["wiki"])


def test_what_another_account_sees_of_the_place_is_its_own_to_tell(
    world: World, source: Source
) -> None:
    with tenant_context(world.acme):
        other = Source(world, "the same papers")
        other.tell_of_all()
        source.lose("gone")
        assert other.live() == POLICIES.keys()


def test_a_place_that_nobody_told_of_takes_nothing_along(world: World, source: Source) -> None:
    with tenant_context(world.acme):
        source.lose("nowhere")
        source.lose()
        assert source.live() == POLICIES.keys()
