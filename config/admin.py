"""The admin site: sign-in by allauth, open to operators, IT admins and auditors."""

from __future__ import annotations

from typing import Any, NoReturn

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from typing_extensions import override
from unfold.sites import UnfoldAdminSite

from apps.tenants.permissions import may_open_admin


class KenwardAdminSite(UnfoldAdminSite):
    """The dashboard of IT admins; what it shows is scoped to the active tenant by the database."""

    index_title = "Overview"

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        # Rows go one by one, by pages that record it.
        self.disable_action("delete_selected")

    @override
    def register(self, model_or_iterable: Any, *args: Any, **options: Any) -> None:
        """Take in our own models; pages of other packages know no tenants and leave no trail."""
        told = model_or_iterable
        models = told if isinstance(told, list | tuple) else [told]
        ours = [model for model in models if model.__module__.startswith("apps.")]
        super().register(ours, *args, **options)

    @override
    def has_permission(self, request: HttpRequest) -> bool:
        """Return whether this person's role opens the admin."""
        return may_open_admin(request)

    @override
    def login(self, request: HttpRequest, extra_context: object = None) -> HttpResponse:
        """Send to the one sign-in page; somebody signed in without the role learns so."""
        if request.user.is_authenticated:
            raise PermissionDenied("The admin is for IT admins and auditors.")
        query = urlencode({"next": request.get_full_path()})
        return redirect(f"{reverse('account_login')}?{query}")

    @override
    def password_change(self, request: HttpRequest, extra_context: object = None) -> Any:
        """Send to the one page where people change their password."""
        return redirect("account_change_password")

    @override
    def search(self, request: HttpRequest, extra_context: object = None) -> NoReturn:
        """Answer that there is no such page: its results are cached per person, not per tenant."""
        raise Http404

    @override
    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """Show the active tenant at a glance, and to an operator all tenants in numbers."""
        return AdminSite.index(
            self, request, {**overview_context(request), **(extra_context or {})}
        )


def overview_context(request: HttpRequest) -> dict[str, Any]:
    """Return what the first page shows this person."""
    # Models load only after the apps are ready, and this module is loaded before.
    from apps.sync_events import overview, stuck
    from apps.sync_events.admin import lag_words, progress
    from apps.tenants.models import Tenant

    context: dict[str, Any] = {"now": timezone.now(), "tenants": None, "overview": None}
    if request.user.is_superuser:
        tenants = Tenant.objects.in_bulk()
        context["tenants"] = [
            {"tenant": tenants[counts.tenant_id], "counts": counts}
            for counts in overview.per_tenant()
        ]
    if getattr(request, "tenant", None) is not None:
        context["overview"] = overview.of_tenant()
        context["running"] = [progress.row(run) for run in context["overview"].unfinished]
        context["stuck"] = [(run, stuck.problem(run)) for run in context["overview"].stuck]
        context["sources"] = [lag_words.summary(lag) for lag in context["overview"].sources]
    return context
