"""Documents with authors, dates, kinds and folders: some for all, some for Ada alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from apps.connections.models import Connection
from apps.documents.models import Document
from apps.tenants.context import tenant_context, user_context
from tests.search.library import Library
from tests.sources import confirmed
from tests.world import World

PDF = "application/pdf"
SLIDES = "application/vnd.openxmlformats-officedocument.presentationml.presentation"


@dataclass(frozen=True)
class Catalogue:
    """A library with documents that Ada and Bo read, and documents that only Ada reads."""

    world: World
    library: Library
    documents: dict[str, Document]

    def as_person(self, name: str) -> tuple[object, object]:
        """Return the contexts of one of Acme's people."""
        user = getattr(self.world, name)
        return tenant_context(self.library.tenant), user_context(user.pk)


def fill(world: World, library: Library) -> Catalogue:
    """Put the documents in."""
    library.share("staff/", world.ada, world.bo)
    library.share("private/", world.ada)
    told = [
        ("staff/travel.md", "# Travel policy\n\nTrains are booked early.", "Grace Hopper", PDF),
        ("staff/budget.md", "# Budget rules\n\nBudgets are set in May.", "Grace Hopper", SLIDES),
        ("staff/hotels/oslo.md", "# Hotels in Oslo\n\nA hotel costs 165.", "", "text/markdown"),
        ("private/merger.md", "# Zephyrine merger\n\nTrains to the merger.", "Quentin Vale", PDF),
        ("private/secret/pay.md", "# Budget of salaries\n\nPay rises.", "Quentin Vale", SLIDES),
    ]
    documents = {}
    for month, (path, text, author, mime_type) in enumerate(told, start=1):
        document = library.add(path, text, place=path.split("/")[0] + "/")
        with library.work():
            Document.objects.filter(pk=document.pk).update(
                author=author,
                mime_type=mime_type,
                classification="confidential" if "private" in path else "internal",
                source_modified_at=datetime(2026, month, 15, 12, tzinfo=UTC),
            )
            documents[path] = Document.objects.get(pk=document.pk)
    return Catalogue(world, library, documents)


def other_source(library: Library, name: str) -> Connection:
    """Return another source of the tenant, of which nobody reads anything."""
    with library.work():
        return confirmed(
            Connection.objects.create(
                tenant=library.tenant, kind="memory", name=name, realm=f"realm of {name}"
            )
        )
