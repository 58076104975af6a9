"""What a page of a dry run calls gone is not counted, though an earlier page has told of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from apps.connections.dialects.audiences import MEMBERS
from apps.connections.protocol import Page, RemoteAcl, RemoteEntry, RemoteItem
from apps.sync_events.exposure import wire
from apps.tenants.context import tenant_context
from tests.sync_events.test_exposure_truth import Company, founded

NOW = timezone.now() - timedelta(minutes=1)
PLACES = (
    RemoteAcl("top", "top", entries=(RemoteEntry(MEMBERS),)),
    RemoteAcl("below", "below", "top"),
    RemoteAcl("other", "other", entries=(RemoteEntry(MEMBERS),)),
)


@pytest.fixture
def company(db: None) -> Iterator[Company]:
    found = founded(random.Random(1))  # noqa: S311  the same company each time
    with tenant_context(found.world.acme):
        yield found


def item(name: str, *clauses: tuple[str, ...]) -> RemoteItem:
    return RemoteItem(name, name, name, "1", clauses or (("other",),))


def told(*items: RemoteItem, at: int = 0, acls: tuple[RemoteAcl, ...] = ()) -> Page:
    return Page(NOW + timedelta(seconds=at), items=items, acls=acls)


def gone(*prefixes: str, at: int = 0, places: tuple[str, ...] = ()) -> Page:
    """Return a page that calls subtrees and places gone."""
    when = NOW + timedelta(seconds=at)
    return Page(when, deleted_prefixes=prefixes, deleted_places=places)


def left(company: Company, *pages: Page) -> set[str]:
    """Return what the dry run counts, having made sure that a sync stores the same."""
    found = company.dry_run([], list(pages))
    names = set(found.told.listing.names.tolist())
    company.sweep(list(pages))
    stored = company.read()[company.newcomer.pk]
    assert names == {wire.name_of(one) for one in stored}
    assert dict(zip(company.read(), map(len, company.read().values()), strict=True)) == {
        member.user: int(found.verdicts.documents[number])
        for number, member in enumerate(found.told.members)
    }
    return stored


def test_a_subtree_that_a_later_page_calls_gone(company: Company) -> None:
    first = told(item("a/1"), item("a/b/2"), item("ab"), acls=PLACES)
    assert left(company, first, gone("a/", at=1)) == {"ab"}


def test_what_is_told_again_after_that_is_there(company: Company) -> None:
    pages = told(item("a/1"), item("a/2"), acls=PLACES), gone("a/", at=1), told(item("a/2"), at=2)
    assert left(company, *pages) == {"a/2"}


def test_what_was_seen_later_than_the_deletion_stays(company: Company) -> None:
    pages = told(item("a/1"), acls=PLACES), told(item("a/2"), at=2), gone("a/", at=1)
    assert left(company, *pages) == {"a/2"}


def test_an_older_look_does_not_bring_it_back(company: Company) -> None:
    pages = told(item("a/1"), acls=PLACES), gone("a/", at=2), told(item("a/1"), at=1)
    assert left(company, *pages) == set()


def test_nor_what_was_stored_before(company: Company) -> None:
    company.sweep([told(item("a/1"), acls=PLACES)])
    assert left(company, gone("a/", at=2), told(item("a/1"), at=1)) == set()


def test_a_place_takes_with_it_what_rests_on_it_and_on_those_below_alone(company: Company) -> None:
    first = told(
        item("in", ("top",)),
        item("below", ("below",)),
        item("both", ("top",), ("other",)),
        item("elsewhere, too", ("below", "other")),
        item("other"),
        acls=PLACES,
    )
    assert left(company, first, gone(places=("top",), at=1)) == {"elsewhere, too", "other"}


def test_what_was_moved_there_by_a_page_between_goes_with_it(company: Company) -> None:
    moved = Page(NOW + timedelta(seconds=1), item_policies=(("1", (("below",),)),))
    pages = told(item("1"), item("2"), acls=PLACES), moved, gone(places=("top",), at=2)
    assert left(company, *pages) == {"2"}


def test_of_what_is_stored_it_is_lost(company: Company) -> None:
    first = told(item("a/1"), item("2"), acls=PLACES)
    company.sweep([first])
    found = company.dry_run([], [told(item("a/1"), item("2"), at=1), gone("a/", at=2)])
    assert sum(found.told.unseen.values()) == 1
    assert set(found.verdicts.lost.tolist()) == {0, 1}, "of a guest nothing, of members one"
