"""Objects Synced: what Kenward holds of each item, by path. Titles and texts are shown nowhere.

`sync_events.admin` registers it, with what happened to the item in syncs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from typing_extensions import override
from unfold.decorators import display

from apps.acls import readers
from apps.audit.model_admin import label, since
from apps.documents import (
    people_admin,  # noqa: F401  registers the page
    permission_pages,
)
from apps.documents.classification_admin import ClassedDocumentAdmin
from apps.documents.extract.errors import BY_CODE
from apps.documents.file_types import LABELS
from apps.documents.models import Document, DocumentQuerySet
from apps.documents.states import STATES

# How many readers a row of the list names, and a document's page.
_IN_LISTS = 4
_ON_PAGES = 200
_TONES = {"searchable": "success", "waiting": "info", "failed": "danger", "deleted": ""}


class StateFilter(admin.SimpleListFilter):
    """Documents in one state."""

    title = "state"
    parameter_name = "state"

    @override
    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """Return the states."""
        return [(state, state.capitalize()) for state in STATES]

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Document]) -> QuerySet[Document]:
        """Keep the chosen state."""
        condition = STATES.get(self.value() or "")
        return queryset if condition is None else queryset.filter(condition)


class TypeFilter(admin.SimpleListFilter):
    """Documents of one kind of file."""

    title = "type"
    parameter_name = "type"

    @override
    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """Return the kinds that Kenward reads, and the rest."""
        return [*LABELS.items(), ("other", "Other")]

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Document]) -> QuerySet[Document]:
        """Keep the chosen kind."""
        if self.value() == "other":
            return queryset.filter(~Q(mime_type__in=LABELS))
        return queryset.filter(mime_type=self.value()) if self.value() else queryset


class DocumentAdmin(ClassedDocumentAdmin):
    """Documents of the active tenant."""

    page_title = "Objects Synced"
    list_display = (
        "item",
        "size_and_type",
        "class_label",
        "read_by",
        "state_label",
        "ages",
    )
    list_filter = ("connection", StateFilter, TypeFilter, "classification", "classified_by")
    list_select_related = ("connection",)
    search_fields = ("path",)
    search_help_text = "Search by path"
    ordering = ("-id",)
    sortable_by = ("item", "size_and_type", "ages")
    fields = (
        "path",
        "source",
        "state_label",
        "advice",
        "type",
        "size",
        "class_label",
        "class_by",
        "labels_shown",
        "read_by",
        "why",
        "confirmed",
        "source_modified_at",
        "synced",
        "indexed_at",
        "deleted_at",
        "identifier",
    )
    empty_hint = "Once a source is connected and synced, its files stand here."

    @override
    def get_urls(self) -> list[URLPattern]:
        """Add the pages about who may read what."""
        return [*permission_pages.urls(self), *super().get_urls()]

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Document]:
        """Leave the title where it is: no page of the admin has any use for it.

        Canaries are no documents of anybody's, and an own account is its owner's alone.
        """
        found = cast(DocumentQuerySet, super().get_queryset(request))
        return found.of_the_organisation().defer("title")

    @override
    def complete(self, rows: Sequence[Any]) -> None:
        """Fetch the readers of all rows at once."""
        found = readers.readers_of({row.policy_id for row in rows}, at_most=_IN_LISTS)
        for row in rows:
            row.readers = found[row.policy_id]

    @display(description="Path", ordering="path")
    def item(self, document: Document) -> str:
        """Return the path, with the connection below it."""
        under = format_html('<span class="kw-under">{}</span>', document.connection.name)
        return format_html('<span class="kw-item">{}{}</span>', document.path, under)

    @display(description="Size", ordering="size_bytes")
    def size_and_type(self, document: Document) -> str:
        """Return the size, with the kind of file below it."""
        under = format_html('<span class="kw-under">{}</span>', self.type(document))
        return format_html("<span>{}{}</span>", self.size(document), under)

    @display(description="Source")
    def source(self, document: Document) -> str:
        """Return the connection."""
        return document.connection.name

    @display(description="Type")
    def type(self, document: Document) -> str:
        """Return the kind of file in words."""
        return LABELS.get(document.mime_type, document.mime_type or "–")

    @display(description="Size", ordering="size_bytes")
    def size(self, document: Document) -> str:
        """Return the size in the unit that fits."""
        return str(filesizeformat(document.size_bytes))

    @display(description="Readers")
    def read_by(self, document: Any) -> str:
        """Return who may read it; in the list, the first few."""
        if hasattr(document, "readers"):
            named = ", ".join(document.readers) or "Nobody"
            return format_html('<span class="kw-clamp">{}</span>', named)
        policy_id = document.policy_id
        found = readers.readers_of({policy_id}, at_most=_ON_PAGES)[policy_id]
        return ", ".join(found) or "Nobody"

    @display(description="Access confirmed")
    def confirmed(self, document: Document) -> str:
        """Return how old what is known of the readers is."""
        return since(document.connection.permissions_confirmed_at)

    @display(description="Why")
    def why(self, document: Document) -> str:
        """Return the way to the page that explains who may read it."""
        address = f"{reverse('admin:documents_why')}?document={document.uuid}"
        return format_html('<a class="kw-link" href="{}">Ask about a member</a>', address)

    @display(description="Last synced", ordering="last_synced_at")
    def synced(self, document: Document) -> str:
        """Return how long ago the source was last asked about it."""
        return since(document.last_synced_at)

    @display(description="Last synced", ordering="last_synced_at")
    def ages(self, document: Document) -> str:
        """Return how old the content is that is known, and below it what is known of readers."""
        under = format_html(
            '<span class="kw-under kw-nowrap">access {}</span>', self.confirmed(document)
        )
        return format_html("<span>{}{}</span>", self.synced(document), under)

    @display(description="Id")
    def identifier(self, document: Document) -> str:
        """Return the id that addresses and the page “Why” take."""
        return str(document.uuid)

    @display(description="State")
    def state_label(self, document: Document) -> str:
        """Return the state, and why there is no text."""
        shown = label(document.state.capitalize(), _TONES[document.state])
        if document.state != "failed":
            return shown
        return format_html(
            '{} <span class="kw-why">{}</span>', shown, document.get_failure_display()
        )

    @display(description="Why, and what to do")
    def advice(self, document: Document) -> str:
        """Return what the reader of the file said, and how to mend it."""
        if not document.failure:
            return "–"
        known = BY_CODE.get(document.failure)
        said = document.failure_message or document.get_failure_display()
        return f"{said} {known.advice}" if known and known.advice not in said else said
