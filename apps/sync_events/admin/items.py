"""What happened to single items: events, and the list of those that could not be synced."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from typing_extensions import override
from unfold.decorators import display

from apps.audit.model_admin import EvidenceAdmin, label, since
from apps.sync_events import by_hand
from apps.sync_events.admin.runs import actor_of
from apps.sync_events.models import FailedItem, SyncEvent

TONES = {
    SyncEvent.Level.INFO: "info",
    SyncEvent.Level.WARNING: "warning",
    SyncEvent.Level.ERROR: "danger",
}


@admin.register(SyncEvent)
class SyncEventAdmin(EvidenceAdmin):
    """What runs wanted an admin to know."""

    page_title = "Item events"
    list_display = ("happened", "level_label", "item", "message", "hint", "connection", "its_run")
    list_filter = ("connection", "level", "happened_at")
    list_select_related = ("connection",)
    search_fields = ("external_id", "code")
    search_help_text = "Search by path or code"
    ordering = ("-id",)
    sortable_by = ()
    fields = ("happened", "level_label", "code", "item", "message", "hint", "connection", "its_run")
    empty_hint = "What a sync wants you to know about an item stands here. So far nothing."

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[SyncEvent]:
        """Leave out what names items of people's own accounts."""
        found: QuerySet[SyncEvent] = super().get_queryset(request)
        return found.filter(Q(connection__owner=None) | Q(external_id=""))

    @override
    def lookup_allowed(self, lookup: str, value: object, request: HttpRequest) -> bool:
        """Allow the link from a run's page, too."""
        return lookup == "run__id__exact" or super().lookup_allowed(lookup, value, request)

    @display(description="When")
    def happened(self, event: SyncEvent) -> str:
        """Return how long ago it was."""
        return since(event.happened_at)

    @display(description="Level")
    def level_label(self, event: SyncEvent) -> str:
        """Return how bad it is."""
        return label(event.get_level_display(), TONES[SyncEvent.Level(event.level)])

    @display(description="Item")
    def item(self, event: SyncEvent) -> str:
        """Return the item's path in its source."""
        return event.external_id or "The whole source"

    @display(description="Run")
    def its_run(self, event: SyncEvent) -> str:
        """Return a link to the run."""
        if event.run_id is None:
            return "–"
        url = reverse("admin:sync_events_syncrun_change", args=[event.run_id])
        return format_html('<a href="{}">Run {}</a>', url, event.run_id)


@admin.register(FailedItem)
class FailedItemAdmin(EvidenceAdmin):
    """Items that could not be synced, until they can."""

    page_title = "Failed items"
    list_display = ("item", "connection", "message", "hint", "attempts", "failed", "next_try")
    list_filter = ("connection", "code")
    list_select_related = ("connection",)
    search_fields = ("external_id",)
    search_help_text = "Search by path"
    ordering = ("-last_failed_at", "-id")
    sortable_by = ()
    fields = (
        "item", "connection", "code", "message", "hint", "attempts", "first_failed_at", "failed",
        "next_try",
    )  # fmt: skip
    actions = ("retry",)
    empty_hint = "Nothing has failed. Files without readable text are in Objects Synced."

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[FailedItem]:
        """Leave out the items of people's own accounts."""
        found: QuerySet[FailedItem] = super().get_queryset(request)
        return found.filter(connection__owner=None)

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Return whether the role lets this person try again."""
        return request.user.has_perm("sync_events.change_faileditem")

    @override
    def object_actions(self, request: HttpRequest, obj: FailedItem) -> Iterable[str]:
        """Offer another try."""
        return ("retry",)

    @admin.action(description="Try again", permissions=["act"])
    def retry(self, request: HttpRequest, queryset: QuerySet[FailedItem]) -> None:
        """Try the chosen items again now."""
        items = queryset.select_related("connection")
        tried = by_hand.retry_items(items, actor_id=actor_of(request))
        self.message_user(request, f"Items tried again: {tried}.", messages.SUCCESS)

    @display(description="Item")
    def item(self, failed: FailedItem) -> str:
        """Return the item's path in its source."""
        return failed.external_id

    @display(description="Last failed")
    def failed(self, failed: FailedItem) -> str:
        """Return how long ago it failed last."""
        return since(failed.last_failed_at)

    @display(description="Next try")
    def next_try(self, failed: FailedItem) -> str:
        """Return when Kenward tries again by itself."""
        return since(failed.retry_at) if failed.retry_at else "When you ask for it"
