"""The page of a document and its original file, as Ada, Bo and Cy see them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import AsyncClient, Client

from apps.audit.models import Event
from apps.connections.errors import ItemGone
from apps.documents.models import Document
from tests.search import texts
from tests.search.library import Library
from tests.world import World


@pytest.fixture
def document(committed_world: World, committed_library: Library) -> Document:
    committed_library.share("private/", committed_world.ada)
    return committed_library.add("private/leave.md", texts.PARENTAL, place="private/")


def get(user: Any, path: str) -> Any:
    client = Client()
    client.force_login(user)
    return client.get(path)


def test_reader_sees_text_source_and_why(committed_world: World, document: Document) -> None:
    response = get(committed_world.ada, f"/documents/{document.uuid}/")
    page = response.content.decode()
    assert response.status_code == 200
    assert "Parental leave" in page
    assert "twenty-six weeks" in page
    assert "among the readers of private/" in response.context["why"]
    assert response["Cache-Control"] == "private, no-store"


def test_passage_is_marked(committed_world: World, document: Document) -> None:
    response = get(committed_world.ada, f"/documents/{document.uuid}/?passage=20-60")
    assert [block.is_passage for block in response.context["blocks"]].count(True) == 1
    assert response.context["passage_id"] == "20-60"
    assert 'id="passage"' in response.content.decode()


@pytest.mark.parametrize("suffix", ["", "original"])
@pytest.mark.parametrize("name", ["bo", "ida", "cy"])
def test_everybody_else_gets_the_page_of_what_does_not_exist(
    committed_world: World, document: Document, name: str, suffix: str
) -> None:
    user = getattr(committed_world, name)
    refused = get(user, f"/documents/{document.uuid}/{suffix}")
    missing = get(user, f"/documents/{uuid4()}/{suffix}")
    assert refused.status_code == missing.status_code == 404
    assert "arental" not in refused.content.decode()


@pytest.mark.parametrize("suffix", ["", "original"])
def test_anonymous_visitor_is_sent_to_the_sign_in(
    committed_world: World, document: Document, suffix: str
) -> None:
    response = Client().get(f"/documents/{document.uuid}/{suffix}")
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")


def test_original_is_a_download_and_is_recorded(
    committed_world: World, committed_library: Library, document: Document
) -> None:
    response = get(committed_world.ada, f"/documents/{document.uuid}/original")
    assert response.getvalue() == texts.PARENTAL.encode()
    assert response["Content-Disposition"] == 'attachment; filename="leave.md"'
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Type"] == "text/markdown"
    with committed_library.work():
        event = Event.objects.get(action="document.downloaded")
        assert (event.actor_id, event.target_id) == (committed_world.ada.pk, str(document.uuid))
        assert "eave" not in str(event.details)


async def test_original_streams_under_asgi(committed_world: World, document: Document) -> None:
    client = AsyncClient()
    await client.aforce_login(committed_world.ada)
    response: Any = await client.get(f"/documents/{document.uuid}/original")
    pieces = [piece async for piece in response]
    assert b"".join(pieces) == texts.PARENTAL.encode()


def test_original_that_is_gone_from_its_source_is_missing(
    committed_world: World, committed_library: Library, document: Document
) -> None:
    committed_library.source.files["private/leave.md"] = ItemGone("Gone.", external_id="x")
    response = get(committed_world.ada, f"/documents/{document.uuid}/original")
    assert response.status_code == 404
    with committed_library.work():
        assert not Event.objects.filter(action="document.downloaded").exists()
