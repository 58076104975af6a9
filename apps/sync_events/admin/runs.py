"""Sync Events: the runs, with live progress and what each one had to say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from typing_extensions import override
from unfold.decorators import display

from apps.audit.model_admin import EvidenceAdmin, since
from apps.connections.models import ConnectionState
from apps.sync_events import by_hand, stuck
from apps.sync_events.admin import progress, run_diff
from apps.sync_events.models import UNFINISHED, FailedItem, SyncRun

# Events shown on a run's page, and runs that one request may ask about.
EVENTS_ON_PAGE = 100
RUNS_ASKED = 100
_BIGINT_DIGITS = 19

NOT_ACTIVE = "A connection that is not active is not synced: resume it first."
_NOTHING_TO_RESUME = (
    "Only a full sweep that was cancelled or failed can go on, until a later one has begun. Run"
    " the others again."
)


@admin.register(SyncRun)
class SyncRunAdmin(EvidenceAdmin):
    """Runs of the active tenant, the latest first."""

    page_title = "Sync Events"
    list_display = (
        "connection", "what", "state_now", "progress_now", "changes_now",
        "problems_now", "started", "duration_now",
    )  # fmt: skip
    list_filter = ("connection", "lane", "state", "trigger")
    list_select_related = ("connection",)
    ordering = ("-created_at", "-id")
    sortable_by = ()
    fields = (
        "connection", "what", "requested", "state_now", "error",
        "progress_now", "changes_now", "problems_now", "created_at", "started", "duration_now",
        "finished_at",
    )  # fmt: skip
    actions = ("cancel", "go_on", "run_again", "retry_failed_items")
    change_form_outer_before_template: Any = "admin/sync_events/run_top.html"
    change_form_outer_after_template: Any = "admin/sync_events/run.html"
    empty_hint = "Once a source is connected, each of its syncs stands here."

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[SyncRun]:
        """Return the runs with their source and who asked for them."""
        found: QuerySet[SyncRun] = super().get_queryset(request)
        return progress.shown(found.select_related("requested_by"))

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Return whether the role lets this person start and stop syncs."""
        return request.user.has_perm("sync_events.change_syncrun")

    @override
    def object_actions(self, request: HttpRequest, obj: SyncRun) -> Iterable[str]:
        """Offer what is possible in this state."""
        if obj.state in UNFINISHED:
            return ("cancel",)
        has_failed = FailedItem.objects.filter(connection_id=obj.connection_id).exists()
        again = ("run_again", "retry_failed_items") if has_failed else ("run_again",)
        return ("go_on", *again) if by_hand.can_resume(obj) else again

    @admin.action(description="Cancel", permissions=["act"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[SyncRun]) -> None:
        """Stop the chosen runs."""
        done = sum(by_hand.cancel(run, actor_id=actor_of(request)) for run in queryset)
        ended = len(queryset) - done
        more = f" Had ended before: {ended}." if ended else ""
        self.message_user(request, f"Cancelled: {done}.{more}", messages.SUCCESS)

    @admin.action(description="Go on where it stopped", permissions=["act"])
    def go_on(self, request: HttpRequest, queryset: QuerySet[SyncRun]) -> None:
        """Let the chosen runs, which were cancelled or failed, go on after their last page."""
        resumed = sum(by_hand.resume(run, actor_id=actor_of(request)) for run in queryset)
        if resumed:
            self.message_user(request, f"Going on: {resumed}.", messages.SUCCESS)
        if resumed < len(queryset):
            self.message_user(request, _NOTHING_TO_RESUME, messages.WARNING)

    @admin.action(description="Run again", permissions=["act"])
    def run_again(self, request: HttpRequest, queryset: QuerySet[SyncRun]) -> None:
        """Queue runs like the chosen ones."""
        active = [run for run in queryset if run.connection.state == ConnectionState.ACTIVE]
        queued = {by_hand.run_again(run, actor_id=actor_of(request)).pk for run in active}
        if queued:
            self.message_user(request, f"Waiting for a worker: {len(queued)}.", messages.SUCCESS)
        if len(active) < len(queryset):
            self.message_user(request, NOT_ACTIVE, messages.WARNING)

    @admin.action(description="Retry failed items", permissions=["act"])
    def retry_failed_items(self, request: HttpRequest, queryset: QuerySet[SyncRun]) -> None:
        """Try the failed items of the runs' sources again now."""
        sources = {run.connection_id for run in queryset}
        items = FailedItem.objects.filter(connection_id__in=sources).select_related("connection")
        tried = by_hand.retry_items(items, actor_id=actor_of(request))
        self.message_user(request, f"Items tried again: {tried}.", messages.SUCCESS)

    @override
    def get_urls(self) -> list[URLPattern]:
        """Add what the pages ask while something runs."""
        live = path("live/", self.admin_site.admin_view(self.live), name="sync_events_live")
        return [live, *super().get_urls()]

    def live(self, request: HttpRequest) -> JsonResponse:
        """Answer with the changing parts of the runs that a page shows (`?run=1&run=2`)."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        told = request.GET.getlist("run")[:RUNS_ASKED]
        asked = [int(pk) for pk in told if pk.isdecimal() and len(pk) < _BIGINT_DIGITS]
        found = self.get_queryset(request).filter(pk__in=asked)
        newer = progress.newer_than(max(asked)) if asked else 0
        return JsonResponse(
            {"runs": {str(run.pk): progress.parts(run) for run in found}, "newer": newer}
        )

    @override
    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add what the run has changed, its events and, where it is stuck, what to do."""
        if isinstance(run := kwargs.get("obj"), SyncRun):
            context["stuck"] = stuck.problem(run) if progress.is_stuck(run) else None
            context["diff"] = run_diff.of(run)
            events = run.events.filter(Q(connection__owner=None) | Q(external_id=""))
            context["events"] = events.order_by("-pk")[:EVENTS_ON_PAGE]
            context["event_count"] = events.count()
        return super().render_change_form(request, context, *args, **kwargs)

    @display(description="What")
    def what(self, run: SyncRun) -> str:
        """Return the lane, whether everything is compared, and why."""
        extent = "everything" if run.is_sweep else "changes"
        under = format_html('<span class="kw-under">{}</span>', run.get_trigger_display())
        return format_html("{}, {}{}", run.get_lane_display(), extent, under)

    @display(description="Asked for by")
    def requested(self, run: SyncRun) -> str:
        """Return the person, or Kenward."""
        return run.requested_by.email if run.requested_by else "Kenward"

    @display(description="State")
    def state_now(self, run: SyncRun) -> str:
        """Return the state, kept up to date."""
        return progress.part(run, "state")

    @display(description="Progress")
    def progress_now(self, run: SyncRun) -> str:
        """Return how far it is, kept up to date."""
        return progress.part(run, "progress")

    @display(description="Changes")
    def changes_now(self, run: SyncRun) -> str:
        """Return how much it changed, by kind, kept up to date."""
        return progress.part(run, "changes")

    @display(description="Problems")
    def problems_now(self, run: SyncRun) -> str:
        """Return how many items failed, kept up to date."""
        return progress.part(run, "problems")

    @display(description="Started")
    def started(self, run: SyncRun) -> str:
        """Return how long ago it started."""
        return since(run.started_at)

    @display(description="Duration")
    def duration_now(self, run: SyncRun) -> str:
        """Return how long it took, or takes so far."""
        return progress.part(run, "duration")


def actor_of(request: HttpRequest) -> int:
    """Return the id of the person who sent the request; the admin lets nobody else in."""
    if request.user.pk is None:
        raise PermissionDenied
    return request.user.pk
