"""Where a dry run is asked for: on a connection's page, with saved or with entered settings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from typing_extensions import override

from apps.connections import change as changes
from apps.connections.admin import ConnectionAdmin
from apps.connections.models import Connection
from apps.errors import KenwardError
from apps.sync_events.admin.exposure import page_of
from apps.sync_events.admin.runs import actor_of
from apps.sync_events.admin.sources import SyncedConnectionAdmin
from apps.sync_events.exposure import reports, tasks
from apps.sync_events.exposure.models import ExposureReport

# The name of the button beside “Save”.
PREVIEW = "_exposure"

admin.site.unregister(Connection)


@admin.register(Connection)
class ExposedConnectionAdmin(SyncedConnectionAdmin):
    """Connections whose exposure can be looked at before they are synced or changed."""

    actions: Any = ("exposure", *SyncedConnectionAdmin.actions)
    change_form_outer_before_template: Any = "admin/exposure/hint.html"
    change_form_after_template: Any = "admin/exposure/preview.html"

    @override
    def object_actions(self, request: HttpRequest, obj: Connection) -> Iterable[str]:
        """Offer the dry run in every state."""
        return (*super().object_actions(request, obj), "exposure")

    @admin.action(description="Exposure dry run", permissions=["change"])
    def exposure(
        self, request: HttpRequest, queryset: QuerySet[Connection]
    ) -> HttpResponseRedirect | None:
        """List what one connection would bring in, with its saved settings."""
        if len(queryset) != 1:
            self.message_user(request, "Choose one connection.", messages.WARNING)
            return None
        return HttpResponseRedirect(page_of(_request(request, queryset[0])))

    @override
    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save, unless only a preview is wanted: a new connection is made then, and not synced."""
        if PREVIEW not in request.POST:
            super().save_model(request, obj, form, change)
        elif change:
            _preview(self, request, obj, form.settings)
        else:
            ConnectionAdmin.save_model(self, request, obj, form, change)
            changes.pause(connection=obj, actor=request.user)  # type: ignore[arg-type]
            _keep(request, _request(request, obj))

    @override
    def response_add(self, request: HttpRequest, obj: Any, *args: Any) -> HttpResponse:
        """Go to the report that was asked for."""
        return _asked(request) or super().response_add(request, obj, *args)

    @override
    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """Go to the report that was asked for, or stay where it could not be."""
        if PREVIEW in request.POST:
            return _asked(request) or HttpResponseRedirect(request.get_full_path())
        return super().response_change(request, obj)

    @override
    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add the latest report, and whether anything was compared with the source yet."""
        source = kwargs.get("obj")
        context["exposure_before"] = SyncedConnectionAdmin.change_form_outer_before_template
        context["may_preview"] = (
            self.has_add_permission(request)
            if source is None
            else self.has_change_permission(request, source)
        )
        if isinstance(source, Connection):
            latest = ExposureReport.objects.filter(connection=source).order_by("-pk").first()
            context["latest_exposure"] = latest
            context["is_unsynced"] = source.last_swept_at is None
        return super().render_change_form(request, context, *args, **kwargs)


def _preview(
    page: ExposedConnectionAdmin, request: HttpRequest, obj: Connection, settings: dict[str, Any]
) -> None:
    source = Connection.objects.select_related("tenant").get(pk=obj.pk)  # not as it was entered
    try:
        proposed = changes.proposed_settings(connection=source, settings=settings)
    except KenwardError as error:
        page.message_user(request, str(error), messages.ERROR)
        return
    _keep(request, _request(request, source, proposed))


def _request(
    request: HttpRequest, source: Connection, proposed: dict[str, Any] | None = None
) -> ExposureReport:
    report = reports.request(source, actor_id=actor_of(request), proposed=proposed)
    tasks.send(report.tenant_id, report.pk)
    return report


def _keep(request: HttpRequest, report: ExposureReport) -> None:
    request.exposure_report = report  # type: ignore[attr-defined]  # for the response


def _asked(request: HttpRequest) -> HttpResponseRedirect | None:
    report: ExposureReport | None = getattr(request, "exposure_report", None)
    return None if report is None else HttpResponseRedirect(page_of(report))
