"""Drift: where Kenward's answers and the sources' own were not the same, and how often they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from typing_extensions import override
from unfold.decorators import display

from apps.audit.model_admin import EvidenceAdmin, label, since
from apps.sync_events import drift
from apps.sync_events.admin.runs import actor_of
from apps.sync_events.drift_models import DriftCheck, DriftMismatch


@admin.register(DriftMismatch)
class DriftMismatchAdmin(EvidenceAdmin):
    """People and documents about whom we and the source disagreed; by path, without any title."""

    page_title = "Drift"
    row_names = ("mismatch", "mismatches")
    list_display = ("found", "what", "person", "place", "state")
    list_filter = ("connection", "ours")
    ordering = ("-found_at", "-id")
    sortable_by = ()
    fields = (
        "found", "what", "person", "path", "connection", "told", "why", "state",
        "repair_requested", "repaired",
    )  # fmt: skip
    actions = ("repair",)
    list_before_template: Any = "admin/sync_events/drift.html"
    empty_hint = "So far the sources have agreed with every answer that was compared."

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[DriftMismatch]:
        """Leave the documents' titles where they are."""
        found: QuerySet[DriftMismatch] = super().get_queryset(request)
        return found.select_related("connection", "document", "user").defer("document__title")

    @override
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """Add the rate, and the latest check of each source."""
        told = {"drift": _totals(), **(extra_context or {})}
        return super().changelist_view(request, told)

    @override
    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Call the page by the person and the path: the row itself knows only their ids."""
        if isinstance(mismatch := kwargs.get("obj"), DriftMismatch):
            context["object_title"] = f"{mismatch.user.email}, {mismatch.document.path}"
        return super().render_change_form(request, context, *args, **kwargs)

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Return whether the role lets this person have something repaired."""
        return request.user.has_perm("sync_events.change_driftmismatch")

    @override
    def object_actions(self, request: HttpRequest, obj: DriftMismatch) -> Iterable[str]:
        """Offer a repair until it is done."""
        return () if obj.repaired_at else ("repair",)

    @admin.action(description="Repair now", permissions=["act"])
    def repair(self, request: HttpRequest, queryset: QuerySet[DriftMismatch]) -> None:
        """Read the chosen items and all permissions of their sources anew."""
        asked = drift.repair(queryset.filter(repaired_at=None), actor_id=actor_of(request))
        said = f"Being read anew: {asked}. The next check says whether that mended them."
        self.message_user(request, said, messages.SUCCESS)

    @display(description="Found")
    def found(self, mismatch: DriftMismatch) -> str:
        """Return how long ago it was found."""
        return since(mismatch.found_at)

    @display(description="What")
    def what(self, mismatch: DriftMismatch) -> str:
        """Return in which direction the answers differ."""
        if mismatch.ours:
            return label("We allow, the source denies", "danger")
        return label("We deny, the source allows", "warning")

    @display(description="Person")
    def person(self, mismatch: DriftMismatch) -> str:
        """Return the person's address."""
        return mismatch.user.email

    @display(description="Item")
    def path(self, mismatch: DriftMismatch) -> str:
        """Return the item's path in its source."""
        return mismatch.document.path

    @display(description="Item")
    def place(self, mismatch: DriftMismatch) -> str:
        """Return the item's path, with its source below."""
        under = format_html('<span class="kw-under">{}</span>', mismatch.connection.name)
        return format_html('<span class="kw-item">{}{}</span>', mismatch.document.path, under)

    @display(description="What we told the person")
    def told(self, mismatch: DriftMismatch) -> str:
        """Return Kenward's own explanation, which speaks to the person."""
        return f"“{mismatch.explanation}”" if mismatch.explanation else "–"

    @display(description="Why")
    def why(self, mismatch: DriftMismatch) -> str:
        """Return the way to the page that explains how it is now."""
        asked = urlencode({"member": mismatch.user.email, "document": str(mismatch.document.uuid)})
        address = f"{reverse('admin:documents_why')}?{asked}"
        return format_html('<a class="kw-link" href="{}">Explain how it is now</a>', address)

    @display(description="Repair asked for")
    def repair_requested(self, mismatch: DriftMismatch) -> str:
        """Return how long ago the item's permissions were to be read again."""
        return since(mismatch.repair_requested_at)

    @display(description="Repaired")
    def repaired(self, mismatch: DriftMismatch) -> str:
        """Return how long ago both sides agreed again."""
        return since(mismatch.repaired_at)

    @display(description="State")
    def state(self, mismatch: DriftMismatch) -> str:
        """Return whether it is mended."""
        if mismatch.repaired_at:
            return format_html("{} {}", label("Repaired", "success"), since(mismatch.repaired_at))
        return label("Being repaired" if mismatch.repair_requested_at else "Open", "info")


@admin.register(DriftCheck)
class DriftCheckAdmin(EvidenceAdmin):
    """Each sample that was asked about."""

    page_title = "Drift checks"
    list_display = (
        "started", "connection", "share", "asked", "let_in", "kept_out", "no_answer"
    )  # fmt: skip
    list_filter = ("connection",)
    list_select_related = ("connection",)
    ordering = ("-started_at", "-id")
    sortable_by = ()
    fields = (
        "connection", "started", "share", "asked", "agreed", "let_in", "kept_out", "no_answer",
        "finished",
    )  # fmt: skip
    empty_hint = "The first check of a source runs once its permissions are confirmed."

    @display(description="Started")
    def started(self, check: DriftCheck) -> str:
        """Return how long ago it began."""
        return since(check.started_at)

    @display(description="Disagreed")
    def share(self, check: DriftCheck) -> str:
        """Return the share of the answers that differed."""
        if check.finished_at is None:
            return label("Asking again", "info")
        return _percent(check.rate)

    @display(description="Wrongly let in")
    def let_in(self, check: DriftCheck) -> int:
        """Return how often we allowed what the source denies."""
        return check.leaks

    @display(description="Wrongly kept out")
    def kept_out(self, check: DriftCheck) -> int:
        """Return how often we denied what the source allows."""
        return check.losses

    @display(description="No answer")
    def no_answer(self, check: DriftCheck) -> int:
        """Return how often the source did not say."""
        return check.unanswered

    @display(description="Finished")
    def finished(self, check: DriftCheck) -> str:
        """Return how long ago it was done."""
        return since(check.finished_at)


def _totals() -> dict[str, Any]:
    """Return what the page says about all finished checks of the bound tenant."""
    checks = DriftCheck.objects.filter(finished_at__isnull=False)
    sums = checks.aggregate(*(Sum(name) for name in ("agreed", "leaks", "losses", "unanswered")))
    found = {name.removesuffix("__sum"): total or 0 for name, total in sums.items()}
    answered = found["agreed"] + found["leaks"] + found["losses"]
    latest = checks.select_related("connection").order_by("connection_id", "-started_at")
    return {
        **found,
        "answered": answered,
        "rate": _percent((found["leaks"] + found["losses"]) / answered if answered else None),
        "latest": [
            {"check": check, "rate": _percent(check.rate)}
            for check in latest.distinct("connection_id")
        ],
    }


def _percent(rate: float | None) -> str:
    return "–" if rate is None else f"{100 * rate:.2f} %"
