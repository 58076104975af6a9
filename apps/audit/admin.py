"""The audit trail as IT admins and auditors read it."""

from __future__ import annotations

import json

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from typing_extensions import override
from unfold.decorators import display

from apps.audit.model_admin import EvidenceAdmin
from apps.audit.models import Event


class ActionFilter(admin.SimpleListFilter):
    """Events of one kind of act."""

    title = "action"
    parameter_name = "action"

    @override
    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """Return the acts that have happened in this tenant."""
        names = Event.objects.order_by("action").values_list("action", flat=True).distinct()
        return [(name, name) for name in names]

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        """Keep the chosen act's events."""
        return queryset.filter(action=self.value()) if self.value() else queryset


class ActorFilter(admin.SimpleListFilter):
    """Events of one person."""

    title = "person"
    parameter_name = "actor"

    @override
    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """Return the people who have acted in this tenant."""
        people = Event.objects.exclude(actor=None).order_by("actor__email")
        named = people.values_list("actor_id", "actor__email").distinct()
        return [("kenward", "Kenward itself"), *((str(pk), email) for pk, email in named)]

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        """Keep the chosen person's events."""
        value = self.value()
        if value == "kenward":
            return queryset.filter(actor=None)
        if value not in dict(self.lookup_choices):
            return queryset
        return queryset.filter(actor_id=int(value))


@admin.register(Event)
class EventAdmin(EvidenceAdmin):
    """Who did what, and when."""

    page_title = "Audit trail"
    list_display = ("happened_at", "action", "person", "target", "facts")
    list_filter = (ActionFilter, ActorFilter, "happened_at")
    search_fields = ("target_id", "action")
    search_help_text = "Search by id or action"
    list_select_related = ("actor",)
    ordering = ("-happened_at", "-id")
    sortable_by = ("happened_at",)
    fields = ("happened_at", "action", "person", "target", "facts")
    empty_hint = "What people and Kenward do in this organisation is recorded here."

    @display(description="Person")
    def person(self, event: Event) -> str:
        """Return who acted."""
        return event.actor.email if event.actor else "Kenward"

    @display(description="On")
    def target(self, event: Event) -> str:
        """Return the kind and the id of what was acted on."""
        if not event.target_type:
            return "–"
        return format_html("{} <code>{}</code>", event.target_type, event.target_id)

    @display(description="Details")
    def facts(self, event: Event) -> str:
        """Return the ids, counts and names that were recorded."""
        return json.dumps(event.details, ensure_ascii=False)[1:-1] if event.details else "–"
