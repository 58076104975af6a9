"""Documents, canaries and people for the hunts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django import Settings

from apps.accounts.models import User
from apps.connections.models import CANARY_KIND, Connection
from apps.documents import canary_planting
from apps.documents.models import Document
from tests.admin.conftest import browser
from tests.chat.conftest import library, server
from tests.search.library import Library

__all__ = ["browser", "library", "server"]

Browser = Callable[[User], Client]


@pytest.fixture(autouse=True)
def _uncollected_static_files(settings: Settings) -> None:
    """Serve static files from where they lie: nobody has collected them for a test."""
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture
def planted(library: Library) -> list[Document]:
    """Return Acme's canaries, planted and indexed beside the library."""
    with library.work():
        canary_planting.plant()
        source = Connection.with_canaries.get(kind=CANARY_KIND)
        documents = list(Document.objects.filter(connection=source).order_by("external_id"))
    library.source.files |= source.settings["texts"]
    for document in documents:
        assert library.index(document).state == "indexed"
    return documents
