"""A tenant's search settings in the admin: one page, for the one row that there is."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from typing_extensions import override

from apps.audit.model_admin import TenantModelAdmin
from apps.search.models import SearchSettings
from apps.search.stages import Expansion, SecondStage
from apps.tenants.context import required_tenant_id


@admin.register(SearchSettings)
class SearchSettingsAdmin(TenantModelAdmin):
    """Switches the stages of the search; `./kenward evaluate --gains` measures what each brings."""

    page_title = "Search settings"
    show_add_link = False
    list_display = ("second_stage",)
    fieldsets = (
        ("The order of what is found", {
            "fields": (
                "second_stage", "collapse_duplicates", "prefer_newer", "department_hint",
            ),
        }),
        ("Understanding the question", {
            "fields": ("filters_in_words", "typo_tolerance", "expansion"),
        }),
        ("The answer", {"fields": ("stitch_neighbours",)}),
    )  # fmt: skip

    @override
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Go to the page of the one row, or to the page that makes it."""
        # The list decides who may come here at all.
        shown = super().changelist_view(request, extra_context)
        row = SearchSettings.objects.first()
        if row is not None:
            return HttpResponseRedirect(
                reverse("admin:search_searchsettings_change", args=[row.pk])
            )
        if self.has_add_permission(request):
            return HttpResponseRedirect(reverse("admin:search_searchsettings_add"))
        return shown

    @override
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Show one page with one button, whether the row is there yet or not."""
        shown = {
            "title": self.page_title,
            "show_save_and_add_another": False,
            "show_save_and_continue": False,
        }
        return super().changeform_view(
            request, object_id, form_url, {**shown, **(extra_context or {})}
        )

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether the person may make the row that is not there yet."""
        return super().has_add_permission(request) and not SearchSettings.objects.exists()

    @override
    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """The row stays; each of its switches goes back by itself."""
        return False

    @override
    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer only what this installation can do."""
        field = super().formfield_for_choice_field(db_field, request, **kwargs)
        if field is not None:
            field.choices = [
                (value, f"{name} (not set up)" if value in _not_set_up() else name)
                for value, name in db_field.choices
            ]
        return field

    @override
    def save_model(self, request: HttpRequest, obj: models.Model, form: Any, change: bool) -> None:
        """Save the row in the active tenant."""
        if not change:
            form.instance.tenant_id = required_tenant_id()
        super().save_model(request, obj, form, change)


def _not_set_up() -> set[str]:
    """Return the choices that change nothing until an operator has set something up."""
    missing: set[str] = set()
    if not settings.KENWARD_RERANK_URL:
        missing.add(SecondStage.ENDPOINT)
    if not (settings.LLM_BASE_URL and settings.LLM_MODEL):
        missing |= {Expansion.MULTI_QUERY, Expansion.HYDE}
    return missing
