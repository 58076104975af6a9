"""Drift: where Kenward's answers and the sources' own were not the same, and how often they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet, Sum
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.html import format_html
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
    list_display = ("found", "what", "person", "path", "connection", "state")
    list_filter = ("connection", "ours")
    list_select_related = ("connection", "document", "user")
    ordering = ("-found_at", "-id")
    sortable_by = ()
    fields = (
        "found", "what", "person", "path", "connection", "explanation", "state",
        "repair_requested_at", "repaired_at",
    )  # fmt: skip
    actions = ("repair",)
    list_before_template: Any = "admin/sync_events/drift.html"
    empty_hint = (
        "Every hour Kenward asks the sources themselves about some people and documents."
        " Nobody has been answered differently so far."
    )

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
    list_display = ("started", "connection", "share", "asked", "leaks", "losses", "unanswered")
    list_filter = ("connection",)
    list_select_related = ("connection",)
    ordering = ("-started_at", "-id")
    sortable_by = ()
    fields = (
        "connection", "started", "share", "asked", "agreed", "leaks", "losses", "unanswered",
        "finished_at",
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
