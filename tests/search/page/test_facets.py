"""Facets: counts of what the person may read, and of nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from apps.connections.models import Connection, WhenStale
from apps.documents import canary_planting
from apps.documents.models import Document
from apps.search.filters import Filters
from apps.search.page import facets
from apps.search.page.facets import Facets
from apps.tenants.context import tenant_context
from tests.search.catalogue import Catalogue, fill
from tests.search.library import Library
from tests.world import World

TODAY = date(2026, 5, 20)


@pytest.fixture
def shelf(world: World, library: Library) -> Iterator[Catalogue]:
    catalogue = fill(world, library)
    with library.work():
        yield catalogue


def counted(found: Facets) -> dict[str, dict[str, int]]:
    return {
        facet.field: {value.label: value.count for value in facet.values} for facet in found.facets
    }


def test_counts_are_of_what_each_person_may_read(shelf: Catalogue) -> None:
    ada = facets.of_all(shelf.world.ada, today=TODAY)
    bo = facets.of_all(shelf.world.bo, today=TODAY)
    assert (ada.total, bo.total) == (5, 3)
    assert not ada.is_about
    assert counted(bo) == {
        "source": {"Files": 3},
        "kind": {"PDF": 1, "Presentation": 1, "Note": 1},
        "author": {"Grace Hopper": 2},
        "since": {"Past three months": 1, "Past year": 3},
        "class": {"Internal": 3},
    }
    assert counted(ada)["author"] == {"Grace Hopper": 2, "Quentin Vale": 2}
    assert counted(ada)["since"] == {"Past week": 1, "Past three months": 3, "Past year": 5}


def test_nobody_else_counts_anything(shelf: Catalogue) -> None:
    assert facets.of_all(shelf.world.ida, today=TODAY) == Facets()
    with tenant_context(shelf.world.umbra):
        assert facets.of_all(shelf.world.cy, today=TODAY) == Facets()


def test_counts_follow_the_filters_and_agree_with_them(shelf: Catalogue) -> None:
    found = facets.of_all(shelf.world.ada, Filters(kinds=("pdf",)), today=TODAY)
    assert found.total == 2
    assert counted(found)["author"] == {"Grace Hopper": 1, "Quentin Vale": 1}


def test_among_counts_only_readable_ones_of_the_documents(shelf: Catalogue) -> None:
    ids = {document.pk for document in shelf.documents.values()}
    assert facets.among(shelf.world.ada, ids, today=TODAY).total == 5
    bo = facets.among(shelf.world.bo, ids, today=TODAY)
    assert bo.total == 3
    assert "Quentin Vale" not in str(bo)
    assert facets.among(shelf.world.bo, [], today=TODAY) == Facets()


def test_canaries_are_not_counted_even_for_a_reader_of_everything(shelf: Catalogue) -> None:
    canary_planting.plant()
    canaries = Document.objects.exclude(connection__in=Connection.objects.all())
    staff = shelf.documents["staff/travel.md"].policy_id
    assert canaries.update(policy_id=staff) > 0  # as after a mistake
    assert facets.of_all(shelf.world.bo, today=TODAY).total == 3


def test_what_its_source_has_the_last_word_about_is_not_counted(shelf: Catalogue) -> None:
    Connection.objects.update(
        when_stale=WhenStale.CHECK, permissions_confirmed_at="2020-01-01T00:00:00Z"
    )
    assert facets.of_all(shelf.world.bo, today=TODAY).total == 0


def test_large_reach_is_estimated_and_said_to_be(
    shelf: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facets, "EXACT_UP_TO", 2)
    in_sample = Document.objects.extra(  # noqa: S610  a constant
        where=[facets.IN_SAMPLE.replace("d.id", "documents_document.id")]
    ).filter(path__startswith="staff/")
    for number in range(1_000):
        if in_sample.count() >= 3:
            break
        shelf.library.put(f"staff/many-{number}.md", "# Many", place="staff/")
    found = facets.of_all(shelf.world.bo, today=TODAY)
    assert found.is_about
    assert found.total == facets.SAMPLE * in_sample.count() > 2


@pytest.mark.parametrize("mime_type", ["application/x-unheard-of", ""])
def test_type_of_no_kind_counts_as_other(shelf: Catalogue, mime_type: str) -> None:
    Document.objects.filter(path="staff/travel.md").update(mime_type=mime_type)
    found = counted(facets.of_all(shelf.world.bo, Filters(kinds=("other",)), today=TODAY))
    assert found["kind"] == {"Other files": 1}


def test_choices_are_what_would_leave_fewer(shelf: Catalogue) -> None:
    found = facets.of_all(shelf.world.bo, today=TODAY)
    offered = {facet.field: {one.label for one in facet.values} for facet in found.choices}
    assert offered == {
        "kind": {"PDF", "Presentation", "Note"},
        "author": {"Grace Hopper"},
        "since": {"Past three months"},
    }
