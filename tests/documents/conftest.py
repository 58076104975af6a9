"""The library of the search tests serves the tests of document pages too; and a collection."""

from __future__ import annotations

import pytest

from apps.documents import collections
from apps.documents.collection_models import Collection
from apps.documents.models import Document
from apps.tenants.context import tenant_context
from tests.search import texts
from tests.search.conftest import committed_library, library
from tests.search.library import Library
from tests.world import World

__all__ = ["committed_library", "library"]


@pytest.fixture
def shelf(world: World, library: Library) -> dict[str, Document]:
    """Ada reads both documents, Bo one of them."""
    library.share("staff/", world.ada, world.bo)
    library.share("private/", world.ada)
    return {
        "travel": library.put("staff/travel.md", texts.TRAVEL, place="staff/"),
        "leave": library.put("private/leave.md", texts.PARENTAL, place="private/"),
    }


@pytest.fixture
def kept(world: World, shelf: dict[str, Document]) -> Collection:
    """Ada keeps both in a collection."""
    with tenant_context(world.acme):
        made = collections.create(name="Onboarding", description="For new people", owner=world.ada)
        for document in shelf.values():
            collections.add(made, document.uuid, actor=world.ada)
    return made
