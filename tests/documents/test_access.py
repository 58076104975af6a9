"""A document is handed out to those who may read it, and to nobody else by any way."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from apps.accounts.models import User
from apps.acls.models import AclEntry
from apps.documents import access
from apps.documents.models import Document
from apps.errors import NotFound
from apps.tenants.context import tenant_context
from tests.search import texts
from tests.search.library import Library, make_library
from tests.world import World


@pytest.fixture
def document(world: World, library: Library) -> Document:
    library.share("private/", world.ada)
    return library.add("private/leave.md", texts.PARENTAL, place="private/")


def refusal(library: Library, user: User, uuid: UUID) -> NotFound:
    with library.work(), pytest.raises(NotFound) as caught:
        access.document_for(user, uuid)
    with library.work(), pytest.raises(NotFound):
        access.text_for(user, uuid)
    return caught.value


def test_reader_gets_the_document_and_its_text(
    world: World, library: Library, document: Document
) -> None:
    with library.work():
        readable = access.text_for(world.ada, document.uuid)
        assert access.document_for(world.ada, document.uuid) == readable.document
        assert access.can_read(world.ada, document)
    assert readable.document.title == "Parental leave"
    assert readable.document.source == "Files"
    assert "twenty-six weeks" in readable.text


def test_forbidden_and_missing_are_told_in_the_same_words(
    world: World, library: Library, document: Document
) -> None:
    forbidden = refusal(library, world.bo, document.uuid)
    missing = refusal(library, world.bo, uuid4())
    assert (forbidden.message, forbidden.hint, forbidden.code) == (
        missing.message,
        missing.hint,
        missing.code,
    )
    with library.work():
        assert not access.can_read(world.bo, document)


def test_deleted_document_is_missing(world: World, library: Library, document: Document) -> None:
    with library.work():
        Document.objects.update(deleted_at="2026-01-01T00:00Z")
        assert not access.can_read(world.ada, document)
    refusal(library, world.ada, document.uuid)


def test_document_that_moved_out_of_reach_is_missing(
    world: World, library: Library, document: Document
) -> None:
    library.share("board/", world.ida)
    library.move(document, "board/")
    refusal(library, world.ada, document.uuid)
    with library.work():
        assert not access.can_read(world.ada, document)


def test_document_of_another_tenant_is_missing(
    world: World, library: Library, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    umbra = make_library(world.umbra, monkeypatch)
    umbra.share("private/", world.cy)
    refusal(library, world.cy, document.uuid)
    refusal(umbra, world.cy, document.uuid)
    with tenant_context(world.umbra):
        assert not access.can_read(world.cy, document)


def test_revoked_reader_loses_the_document_with_the_next_statement(
    committed_world: World, committed_library: Library
) -> None:
    library, ada = committed_library, committed_world.ada
    library.share("private/", ada)
    document = library.add("private/leave.md", texts.PARENTAL, place="private/")
    with library.work():
        assert access.can_read(ada, document), "and its set is cached now"
    with library.work():
        AclEntry.objects.all().delete()
    with library.work():
        assert not access.can_read(ada, document)
    refusal(library, ada, document.uuid)
