"""Exposure dry runs: asked for on a connection's page, followed live, read, and downloaded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
)
from django.shortcuts import get_object_or_404
from django.template.defaultfilters import pluralize
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from typing_extensions import override
from unfold.decorators import display

from apps import audit
from apps.audit.model_admin import EvidenceAdmin, label, since
from apps.connections import change, providers, schedules
from apps.errors import KenwardError
from apps.sync_events import by_hand
from apps.sync_events.admin.runs import actor_of
from apps.sync_events.exposure import download, reports, tasks
from apps.sync_events.exposure.models import (
    UNFINISHED_REPORTS,
    ExposureReport,
    LineKind,
    ReportState,
)

# Rows that a page shows of each kind; the download has all.
ROWS = 50
_TONES = {
    ReportState.QUEUED: "",
    ReportState.RUNNING: "info",
    ReportState.DONE: "success",
    ReportState.FAILED: "danger",
    ReportState.CANCELLED: "",
}
_DOWNLOADS = {"csv": ("text/csv", download.as_csv), "json": ("application/json", download.as_json)}


@admin.register(ExposureReport)
class ExposureReportAdmin(EvidenceAdmin):
    """What connections would bring in: ids, names and paths, no titles and no text."""

    page_title = "Exposure dry runs"
    row_names = ("dry run", "dry runs")
    list_display = ("source", "state_label", "brings", "gaining", "asked", "requested")
    list_filter = ("connection", "state")
    list_select_related = ("connection", "requested_by")
    ordering = ("-created_at", "-id")
    sortable_by = ()
    fields = ("source", "settings_used", "asked", "requested", "finished")
    actions = ("cancel", "run_again", "use_settings")
    change_form_outer_after_template: Any = "admin/exposure/report.html"
    empty_hint = (
        "Open a connection and press “Exposure dry run”: it lists what would come in, who would"
        " gain what, who is unmatched and what is public, and stores nothing of it."
    )

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[ExposureReport]:
        """Return the reports with their source and who asked for them."""
        found: QuerySet[ExposureReport] = super().get_queryset(request)
        return found.select_related("connection", "requested_by")

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Return whether the role lets this person change connections."""
        return request.user.has_perm("connections.change_connection")

    @override
    def object_actions(self, request: HttpRequest, obj: ExposureReport) -> Iterable[str]:
        """Offer what is possible in this state."""
        if obj.state in UNFINISHED_REPORTS:
            return ("cancel",)
        can_be_used = obj.state == ReportState.DONE and obj.proposed is not None
        return ("run_again", "use_settings") if can_be_used else ("run_again",)

    @admin.action(description="Cancel", permissions=["act"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[ExposureReport]) -> None:
        """Stop the chosen dry runs."""
        done = sum(reports.cancel(one, actor_id=actor_of(request)) for one in queryset)
        self.message_user(request, f"Cancelled: {done}.", messages.SUCCESS)

    @admin.action(description="Run again", permissions=["act"])
    def run_again(
        self, request: HttpRequest, queryset: QuerySet[ExposureReport]
    ) -> HttpResponseRedirect | None:
        """Ask the same again."""
        if len(queryset) != 1:
            self.message_user(request, "Choose one dry run.", messages.WARNING)
            return None
        old = queryset[0]
        again = reports.request(old.connection, actor_id=actor_of(request), proposed=old.proposed)
        tasks.send(again.tenant_id, again.pk)
        return HttpResponseRedirect(page_of(again))

    @admin.action(description="Save these settings", permissions=["act"])
    def use_settings(self, request: HttpRequest, queryset: QuerySet[ExposureReport]) -> None:
        """Give the connection the settings that were tried out."""
        report = queryset[0] if len(queryset) == 1 else None
        if report is None or report.proposed is None:
            self.message_user(
                request, "Choose one dry run of settings that are not saved.", messages.WARNING
            )
            return
        source = report.connection
        form = providers.load(source.kind).settings_form
        try:
            change.change(
                connection=source,
                actor=request.user,  # type: ignore[arg-type]  # nobody anonymous gets here
                name=source.name,
                settings=form.to_fields(report.proposed),
                schedule=schedules.of(source),
            )
        except KenwardError as error:
            self.message_user(request, str(error), messages.ERROR)
            return
        by_hand.sync_now(source, actor_id=actor_of(request))
        self.message_user(request, f"“{source.name}” has these settings now.", messages.SUCCESS)

    @override
    def get_urls(self) -> list[URLPattern]:
        """Add what the page asks while the source is asked, and the downloads."""
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/live/", view(self.live), name="sync_events_exposure_live"),
            path(
                "<int:pk>/download/<slug:form>/",
                view(self.download),
                name="sync_events_exposure_download",
            ),
            *super().get_urls(),
        ]

    def live(self, request: HttpRequest, pk: int) -> JsonResponse:
        """Answer with how far a report is."""
        report = self._report(request, pk)
        return JsonResponse(
            {
                "html": render_to_string("admin/exposure/progress.html", progress_of(report)),
                "spoken": f"{report.connection.name}: {report.get_state_display()}",
                "is_over": report.state not in UNFINISHED_REPORTS,
            }
        )

    def download(self, request: HttpRequest, pk: int, form: str) -> HttpResponse:
        """Hand out a finished report as a file, and record that."""
        report = self._report(request, pk)
        if form not in _DOWNLOADS or report.state != ReportState.DONE:
            raise Http404
        audit.record(
            "exposure.downloaded",
            tenant_id=report.tenant_id,
            actor_id=request.user.pk,
            target=report,
            form=form,
        )
        content_type, made = _DOWNLOADS[form]
        name = f"exposure-{report.created_at:%Y-%m-%d-%H%M}.{form}"
        return HttpResponse(
            made(report),
            content_type=f"{content_type}; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    def _report(self, request: HttpRequest, pk: int) -> ExposureReport:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return get_object_or_404(self.get_queryset(request), pk=pk)

    @override
    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add the report's numbers and rows."""
        if isinstance(report := kwargs.get("obj"), ExposureReport):
            context |= progress_of(report) | {"exposure": report.result, "exposed": rows(report)}
        return super().render_change_form(request, context, *args, **kwargs)

    @display(description="Source")
    def source(self, report: ExposureReport) -> str:
        """Return the connection."""
        return report.connection.name

    @display(description="State")
    def state_label(self, report: ExposureReport) -> str:
        """Return the state, coloured."""
        return label(report.get_state_display(), _TONES[ReportState(report.state)])

    @display(description="Would bring in")
    def brings(self, report: ExposureReport) -> str:
        """Return how many documents it found."""
        if report.state != ReportState.DONE:
            return "–"
        count = report.result["documents"]
        return f"{count:,} document{pluralize(count)}"

    @display(description="Would gain something")
    def gaining(self, report: ExposureReport) -> str:
        """Return how many people would gain at least one document."""
        if report.state != ReportState.DONE:
            return "–"
        count = report.result["people"]["gaining"]
        return f"{count:,} {pluralize(count, 'person,people')}"

    @display(description="Settings")
    def settings_used(self, report: ExposureReport) -> str:
        """Return what was tried out, where it is not what is saved."""
        if report.proposed is None:
            return "As they are saved"
        form = providers.load(report.connection.kind).settings_form
        saved = form.to_fields(report.connection.settings)
        values = " · ".join(
            f"{form.base_fields[name].label or name}: {value or '–'}"
            for name, value in form.to_fields(report.proposed).items()
            if value != saved.get(name)
        )
        return f"Not saved: {values}" if values else "What was entered, which is what is saved"

    @display(description="Asked for")
    def asked(self, report: ExposureReport) -> str:
        """Return how long ago it was asked for."""
        return since(report.created_at)

    @display(description="Asked for by")
    def requested(self, report: ExposureReport) -> str:
        """Return the person."""
        return report.requested_by.email if report.requested_by else "Kenward"

    @display(description="Finished")
    def finished(self, report: ExposureReport) -> str:
        """Return how long ago it ended."""
        return since(report.finished_at)


def page_of(report: ExposureReport) -> str:
    """Return the address of a report's page."""
    return reverse("admin:sync_events_exposurereport_change", args=[report.pk])


def progress_of(report: ExposureReport) -> dict[str, Any]:
    """Return what a page shows of how far a report is."""
    is_known = bool(report.total) and report.state in UNFINISHED_REPORTS
    return {
        "report": report,
        "state": label(report.get_state_display(), _TONES[ReportState(report.state)]),
        "is_unfinished": report.state in UNFINISHED_REPORTS,
        "is_done": report.state == ReportState.DONE,
        "percent": min(100, round(100 * report.seen / report.total))
        if is_known and report.total
        else None,
    }


def rows(report: ExposureReport) -> dict[str, dict[str, Any]]:
    """Return the first rows of each kind, and how many there are."""
    found = {}
    for kind in LineKind:
        of_kind = report.lines.filter(kind=kind)
        # People who would read nothing are only counted.
        shown = of_kind.exclude(documents=0, lost=0) if kind in _ONLY_WITH_DOCUMENTS else of_kind
        found[kind.value] = {
            "shown": list(shown.order_by("position")[:ROWS]),
            "count": shown.count(),
        }
    return found


_ONLY_WITH_DOCUMENTS = (LineKind.PERSON,)
