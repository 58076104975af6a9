"""The admin's page about the permission history: how long it can be told who could read what."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from unfold import widgets

from apps import audit
from apps.acls.models import Placement
from apps.documents import page_permissions
from apps.tenants.context import required_tenant_id
from apps.tenants.models import Tenant

SHORTEST_DAYS, LONGEST_DAYS = 1, 3650


class KeptForm(forms.Form):
    """How many days."""

    history_days = forms.IntegerField(
        label="Keep for (days)",
        min_value=SHORTEST_DAYS,
        max_value=LONGEST_DAYS,
        help_text="What ended longer ago is deleted once a day, and cannot be brought back.",
        widget=widgets.UnfoldAdminIntegerFieldWidget(),
    )


def page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Show how long the history is kept, and let an IT admin change it; recorded.

    Args:
        request: of somebody whom the admin has let in.
        context: what every page of the admin shows.
    """
    page_permissions.require(request, "documents.view_document")
    tenant = Tenant.objects.get(pk=required_tenant_id())
    may_change = request.user.has_perm("connections.change_connection")
    if request.method == "POST":
        page_permissions.require(request, "connections.change_connection")
        form = KeptForm(request.POST)
        if form.is_valid():
            _keep(request, tenant, form.cleaned_data["history_days"])
            return HttpResponseRedirect(request.path)
    else:
        form = KeptForm(initial={"history_days": tenant.history_days})
    begins = Placement.objects.filter(tenant_id=tenant.pk).values_list("history_from", flat=True)
    context |= {
        "title": "Permission history",
        "form": form,
        "may_change": may_change,
        "days": tenant.history_days,
        "begins": begins.first() or tenant.created_at,
    }
    return TemplateResponse(request, "admin/explain/history.html", context)


def _keep(request: HttpRequest, tenant: Tenant, days: int) -> None:
    before = tenant.history_days
    Tenant.objects.filter(pk=tenant.pk).update(history_days=days)
    audit.record(
        "history.retention_changed",
        tenant_id=tenant.pk,
        actor_id=request.user.pk,
        target=tenant,
        days=days,
        days_before=before,
    )
    messages.success(request, f"The permission history is kept for {days} days.")
