"""Choosing a tenant, and entering one as an operator."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_POST

from apps.errors import NotFound
from apps.tenants import active
from apps.tenants.models import Tenant


@require_GET
def choose(request: HttpRequest) -> HttpResponse:
    """Show the tenants of a person who has several, or none."""
    memberships = active.own_memberships(request.user.pk)
    return render(request, "tenants/choose.html", {"memberships": memberships})


@require_POST
def switch(request: HttpRequest, uuid: str) -> HttpResponse:
    """Make one of the person's own tenants the active one."""
    try:
        active.choose(request, str(uuid))
    except NotFound as error:
        raise Http404(error.message) from error
    return HttpResponseRedirect("/")


@require_POST
def enter(request: HttpRequest, uuid: str) -> HttpResponse:
    """Let a platform operator into a tenant."""
    if not request.user.is_superuser:
        raise Http404
    tenant = get_object_or_404(Tenant, uuid=uuid, is_active=True)
    active.enter(request, tenant)
    messages.info(request, f"You are in {tenant.name} now. Its audit trail says so.")
    return HttpResponseRedirect("/admin/")


@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """Take a platform operator out of the tenant."""
    active.leave(request)
    return HttpResponseRedirect("/admin/")
