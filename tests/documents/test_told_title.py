"""What a document is called: by its content, until its source gives it another name."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.connections.protocol import RemoteItem
from apps.documents import store
from apps.documents.models import Document
from tests.search.library import Library
from tests.world import World

PLACE = "staff/"
NAME, HEADING = "scan-0047.md", "Where the ferrets live"


def tell(library: Library, title: str, *, version: str = "1", minutes_ago: int = 0) -> None:
    """Store what a page says of the file."""
    item = RemoteItem("file", title, title, version, ((PLACE,),), "text/markdown")
    with library.work():
        store.write(
            library.connection,
            [item],
            {item.policy: library.policy(PLACE)},
            observed_at=timezone.now() - timedelta(minutes=minutes_ago),
            run_id=1,
        )


def title(library: Library) -> str:
    with library.work():
        return Document.objects.get(external_id="file").title


def index(library: Library) -> None:
    with library.work():
        document = Document.objects.get(external_id="file")
    assert library.index(document).state == "indexed"


@pytest.fixture
def named(world: World, library: Library) -> Library:
    """A file whose content calls it otherwise than its source does."""
    library.share(PLACE, world.ada)
    library.source.files["file"] = f"# {HEADING}\n\nIn the cellar, mostly."
    tell(library, NAME, minutes_ago=5)
    assert title(library) == NAME, "there is no other before its content is read"
    index(library)
    assert title(library) == HEADING
    return library


def test_a_confirmation_keeps_the_title_of_the_content(named: Library) -> None:
    tell(named, NAME)
    assert title(named) == HEADING


def test_another_name_in_the_source_replaces_it_and_stays(named: Library) -> None:
    tell(named, "ferrets.md", minutes_ago=1)
    assert title(named) == "ferrets.md"
    tell(named, "ferrets.md")
    assert title(named) == "ferrets.md"


def test_a_name_that_was_told_earlier_replaces_nothing(named: Library) -> None:
    tell(named, "before.md", minutes_ago=10)
    assert title(named) == HEADING
    tell(named, NAME)
    assert title(named) == HEADING, "and is not remembered as its name"


def test_new_content_is_called_by_its_name_until_it_is_read(named: Library) -> None:
    named.source.files["file"] = "# Where the ferrets went\n\nInto the attic."
    tell(named, NAME, version="2")
    assert title(named) == NAME
    index(named)
    assert title(named) == "Where the ferrets went"


def test_where_the_last_name_is_not_known_nothing_was_renamed(named: Library) -> None:
    with named.work():
        Document.objects.update(told_title="")  # as rows from before it was kept
    tell(named, NAME, minutes_ago=1)
    assert title(named) == HEADING
    tell(named, "ferrets.md")
    assert title(named) == "ferrets.md"
