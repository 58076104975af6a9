"""Text that was written for other readers is not shown to new ones, however they got the document.

The document waits for indexing in each of these tests, and its earlier text and passages stand.
"""

from __future__ import annotations

import pytest
from django.utils import timezone

from apps.chat import evidence
from apps.chat.models import Citation
from apps.connections.protocol import RemoteItem
from apps.documents import access, store
from apps.documents.models import Document, DocumentText
from apps.search.indexer import repoint
from apps.search.models import Chunk
from apps.tenants.context import tenant_context
from tests.search import texts
from tests.search.library import Library
from tests.world import World

QUESTION = "Where does the ferret Bramble live?"


@pytest.fixture
def document(committed_world: World, committed_library: Library) -> Document:
    library, world = committed_library, committed_world
    library.share("private/", world.ada)
    library.share("staff/", world.ada, world.bo)
    return library.add("plan.md", texts.FERRET, place="private/")


def told(library: Library, document: Document, *, version: str, place: str) -> None:
    """Store what a page of a sync says of the document."""
    item = RemoteItem("plan.md", "plan", "plan.md", version, ((place,),), "text/markdown")
    with library.work():
        policies = {item.policy: library.policy(place)}
        seen = timezone.now()
        store.write(library.connection, [item], policies, observed_at=seen, run_id=1)
        assert DocumentText.objects.filter(document=document).exists()
        assert Chunk.objects.filter(document=document).exists()
    follow(library)


def follow(library: Library) -> None:
    """Let the passages carry the policy that the document has now."""
    with tenant_context(library.tenant):
        repoint.repoint_chunks(10)


def gone(library: Library) -> None:
    with library.work():
        assert store.delete(
            library.connection, external_ids=["plan.md"], observed_at=timezone.now()
        )


def shown(library: Library, world: World, document: Document) -> tuple[bool, bool, bool]:
    """Return where Bo sees of the ferret: on the document's page, in a search, beside an answer."""
    passages = library.ask(world.bo, QUESTION)
    with library.work():
        assert access.can_read(world.bo, document), "only its earlier text is kept back"
        page = access.text_for(world.bo, document.uuid).text
        cited = Citation(pk=1, document_id=document.pk, number=1, start=0, end=200)
        snippet = evidence.sources(world.bo, [cited])[1].snippet
    return "Bramble" in page, any("Bramble" in p.text for p in passages), "Bramble" in snippet


NOWHERE = (False, False, False)
EVERYWHERE = (True, True, True)


@pytest.mark.parametrize("version", ["1", "2"])
def test_text_of_a_deleted_document_is_not_shown_when_it_comes_back(
    committed_world: World, committed_library: Library, document: Document, version: str
) -> None:
    gone(committed_library)
    told(committed_library, document, version=version, place="staff/")
    assert shown(committed_library, committed_world, document) == NOWHERE


def test_earlier_text_is_not_shown_when_content_and_policy_change_together(
    committed_world: World, committed_library: Library, document: Document
) -> None:
    told(committed_library, document, version="2", place="staff/")
    assert shown(committed_library, committed_world, document) == NOWHERE


def test_earlier_text_is_not_shown_when_the_policy_follows_before_indexing(
    committed_world: World, committed_library: Library, document: Document
) -> None:
    told(committed_library, document, version="2", place="private/")
    told(committed_library, document, version="2", place="staff/")
    assert shown(committed_library, committed_world, document) == NOWHERE


def test_earlier_text_is_not_shown_when_the_permissions_run_points_it_elsewhere(
    committed_world: World, committed_library: Library, document: Document
) -> None:
    library = committed_library
    told(library, document, version="2", place="private/")
    with library.work():
        policies = {"plan.md": library.policy("staff/")}
        assert store.point(library.connection, policies, observed_at=timezone.now()) == 1
    follow(library)
    assert shown(library, committed_world, document) == NOWHERE


def test_kept_back_passages_do_not_crowd_out_others(
    committed_world: World, committed_library: Library, document: Document
) -> None:
    told(committed_library, document, version="2", place="staff/")
    committed_library.add("other.md", texts.FERRET, place="staff/")
    assert committed_library.paths(committed_world.bo, QUESTION) == ["other.md"]


def test_current_text_follows_to_new_readers_at_once(
    committed_world: World, committed_library: Library, document: Document
) -> None:
    told(committed_library, document, version="1", place="staff/")
    assert shown(committed_library, committed_world, document) == EVERYWHERE


def test_indexing_brings_the_text_to_its_readers(
    committed_world: World, committed_library: Library, document: Document
) -> None:
    gone(committed_library)
    told(committed_library, document, version="2", place="staff/")
    assert committed_library.index(document).state == "indexed"
    assert shown(committed_library, committed_world, document) == EVERYWHERE


def test_readers_keep_the_earlier_text_while_a_change_waits(
    committed_world: World, committed_library: Library, document: Document
) -> None:
    told(committed_library, document, version="1", place="staff/")
    told(committed_library, document, version="2", place="staff/")
    assert shown(committed_library, committed_world, document) == EVERYWHERE
