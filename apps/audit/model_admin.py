"""What every page of the admin is built on: no trail but ours, no filter but the declared ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NoReturn

from django.contrib.admin import ShowFacets
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.core.paginator import Paginator
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.timezone import localtime
from typing_extensions import override
from unfold.admin import ModelAdmin
from unfold.utils import display_for_label
from unfold.views import ChangeList

from apps import audit

# How Django's own filters end the name of a field in the address.
_FILTER_SUFFIXES = ("", "__exact", "__id__exact", "__isnull", "__in", "__gte", "__lt", "__lte")


class BoundedPaginator(Paginator[Any]):
    """Counts up to a bound: nobody turns 200 pages, and counting millions takes seconds."""

    counted_at_most = 10_000
    object_list: models.QuerySet[Any]

    @cached_property
    def count(self) -> int:
        """The number of rows, or the bound."""
        return int(self.object_list.order_by()[: self.counted_at_most].count())

    @property
    def is_cut_off(self) -> bool:
        """Whether there may be more rows than were counted."""
        return self.count >= self.counted_at_most


class LoadedChangeList(ChangeList):
    """A list whose page is loaded at once, so that its admin can fetch what belongs to the rows."""

    model_admin: RecordingAdmin

    @override
    def get_results(self, request: HttpRequest) -> None:
        """Load the page, then let the admin complete its rows."""
        super().get_results(request)
        self.result_list = list(self.result_list)
        self.model_admin.complete(self.result_list)


class RecordingAdmin(ModelAdmin):
    """Records each write in the audit trail and leaves Django's own log empty.

    That log knows no tenants, so whatever it repeats would be shown across them.
    """

    paginator = BoundedPaginator
    show_full_result_count = False
    # Counts per filter would read the whole table.
    show_facets = ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 0
    list_disable_select_all = True
    list_fullwidth = True
    change_form_outer_before_template: Any = "admin/includes/object_actions.html"
    # What the menu calls it; where it is empty, the model's plural.
    page_title = ""
    # What one of its rows is called, and several; where it is empty, the model's names.
    row_names: tuple[str, str] | tuple[()] = ()
    # What an empty list says when nothing is filtered; shown by our empty_results.html.
    empty_hint = ""

    @override
    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        """Return the list that calls `complete`."""
        return LoadedChangeList

    def complete(self, rows: Sequence[Any]) -> None:
        """Fetch what a page's rows show beside their columns, in as many queries for any number."""

    def object_actions(self, request: HttpRequest, obj: Any) -> Iterable[str]:
        """Return the names of the list's actions that this object's page offers as buttons."""
        return ()

    def trail_of(self, obj: models.Model) -> Iterable[int]:
        """Yield the tenants whose audit trail tells of a change of this object, each one bound."""
        return [obj.tenant_id]  # type: ignore[attr-defined]

    def record(self, request: HttpRequest, verb: str, obj: models.Model, **details: Any) -> None:
        """Append `<model>.<verb>` to the trail, in the request's transaction."""
        action = f"{self.opts.model_name}.{verb}"
        for tenant_id in self.trail_of(obj):
            audit.record(
                action, tenant_id=tenant_id, actor_id=request.user.pk, target=obj, **details
            )

    @override
    def save_model(self, request: HttpRequest, obj: models.Model, form: Any, change: bool) -> None:
        """Save, and record which fields changed; never their values."""
        super().save_model(request, obj, form, change)
        self.record(request, "changed" if change else "added", obj, fields=form.changed_data)

    @override
    def delete_model(self, request: HttpRequest, obj: models.Model) -> None:
        """Record, then delete."""
        self.record(request, "deleted", obj)
        super().delete_model(request, obj)

    @override
    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Leave Django's log empty."""

    @override
    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Leave Django's log empty."""

    @override
    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Leave Django's log empty."""

    @override
    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> NoReturn:
        """Answer that there is no such page: the audit trail is the history."""
        raise Http404

    @override
    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Allow only what the list's filters send.

        Django lets the address filter by any column, so that a title that no page shows could be
        found out letter by letter.
        """
        allowed = set()
        for one in self.get_list_filter(request):
            name = one[0] if isinstance(one, tuple) else getattr(one, "parameter_name", one)
            allowed |= {f"{name}{end}" for end in _FILTER_SUFFIXES}
        return lookup in allowed

    @override
    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add the buttons of the object's page."""
        obj = kwargs.get("obj")
        if obj is not None:
            offered: dict[str, Any] = dict(self.get_actions(request))
            context["object_actions"] = [
                {"name": name, "label": offered[name][2]}
                for name in self.object_actions(request, obj)
                if name in offered
            ]
        return super().render_change_form(request, context, *args, **kwargs)

    @override
    def response_action(
        self, request: HttpRequest, queryset: models.QuerySet[Any], *args: Any
    ) -> HttpResponse | None:
        """Go back to the object's page when the button was pressed there."""
        response = super().response_action(request, queryset, *args)
        origin = request.POST.get("_object", "")
        if origin.isdecimal() and isinstance(response, HttpResponseRedirect):
            name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_change"
            if response.url == request.get_full_path():
                return HttpResponseRedirect(reverse(name, args=[origin]))
        return response


class TenantModelAdmin(RecordingAdmin):
    """Rows of the active tenant; row-level security has none to show without one."""

    @override
    def has_module_permission(self, request: HttpRequest) -> bool:
        """Return whether the app is listed at all."""
        return _is_in_tenant(request) and super().has_module_permission(request)

    @override
    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the role lets this person look."""
        return _is_in_tenant(request) and super().has_view_permission(request, obj)

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether the role lets this person add one."""
        return _is_in_tenant(request) and super().has_add_permission(request)

    @override
    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the role lets this person change it."""
        return _is_in_tenant(request) and super().has_change_permission(request, obj)

    @override
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the role lets this person delete it."""
        return _is_in_tenant(request) and super().has_delete_permission(request, obj)


class EvidenceAdmin(TenantModelAdmin):
    """Rows that Kenward writes and nobody edits; operators neither."""

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse."""
        return False

    @override
    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    @override
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False


class OperatorAdmin(RecordingAdmin):
    """Rows of the whole installation, for platform operators alone. Nothing is deleted."""

    @override
    def has_module_permission(self, request: HttpRequest) -> bool:
        """Return whether this is an operator."""
        return _is_operator(request)

    @override
    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether this is an operator."""
        return _is_operator(request)

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether this is an operator."""
        return _is_operator(request)

    @override
    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether this is an operator."""
        return _is_operator(request)

    @override
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: what happened in a tenant, and who did it, stays on record."""
        return False


def label(text: str, tone: str) -> str:
    """Return a coloured label.

    Args:
        text: what it says; the colour only underlines it.
        tone: success, info, warning, danger, or empty for grey.
    """
    return str(display_for_label((tone, text), "-", {tone: tone}))


def since(moment: datetime | None) -> str:
    """Return a time as its distance from now, with the exact time as its title; a dash for none."""
    if moment is None:
        return "–"
    exact = localtime(moment)
    # “1 day, 8 hours ago” says more than a list has room for.
    roughly = re.sub(r",.* (ago|from now)$", r" \1", str(naturaltime(moment)))
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        exact.isoformat(),
        f"{exact:%Y-%m-%d %H:%M:%S %Z}",
        roughly,
    )


def _is_in_tenant(request: HttpRequest) -> bool:
    return getattr(request, "tenant", None) is not None


def _is_operator(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_superuser)
