"""More like this: near documents that the person may read, for who may read the first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from apps.search.page import similar
from apps.tenants.context import tenant_context
from tests.search.library import Library
from tests.world import World

TRAINS = "# Trains\n\nTrain tickets to Oslo are booked at the travel desk nine days ahead.\n"
RAIL = "# Railway travel\n\nBook tickets for a train journey early, through the travel desk.\n"
SECRET = "# Secret train\n\nThe board's train journey: tickets are booked at the travel desk.\n"
CHEESE = "# Ferret\n\nThe ferret called Bramble may not be fed any cheese.\n"


@pytest.fixture
def shelf(world: World, library: Library) -> Iterator[Library]:
    library.share("staff/", world.ada, world.bo)
    library.share("private/", world.ada)
    for path, text in (
        ("staff/trains.md", TRAINS),
        ("staff/rail.md", RAIL),
        ("private/secret.md", SECRET),
        ("staff/ferret.md", CHEESE),
    ):
        library.add(path, text, place=path.split("/")[0] + "/")
    with library.work():
        yield library


def like(shelf: Library, user: object, path: str) -> list[str]:
    from apps.documents.models import Document

    document = Document.objects.get(path=path)
    return [one.path for one in similar.like(user, document.pk, 10)]  # type: ignore[arg-type]


def test_near_documents_come_without_the_document_itself(world: World, shelf: Library) -> None:
    found = like(shelf, world.ada, "staff/trains.md")
    assert set(found) == {"staff/rail.md", "private/secret.md"}
    assert len(found) == len(set(found))


def test_other_readers_see_their_own_part(world: World, shelf: Library) -> None:
    assert like(shelf, world.bo, "staff/trains.md") == ["staff/rail.md"]
    assert like(shelf, world.ida, "staff/trains.md") == []
    with tenant_context(world.umbra):
        assert similar.like(world.cy, 1, 10) == ()


def test_document_that_may_not_be_read_is_like_nothing(world: World, shelf: Library) -> None:
    assert like(shelf, world.ada, "private/secret.md")
    assert like(shelf, world.bo, "private/secret.md") == []


def test_what_has_another_subject_is_not_like_it(world: World, shelf: Library) -> None:
    assert like(shelf, world.ada, "staff/ferret.md") == []
