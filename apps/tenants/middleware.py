"""Binds each request to the person and the tenant they act in, inside one transaction."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from apps.tenants import active
from apps.tenants.context import tenant_context, user_context

# What can be used before a tenant is chosen.
_WITHOUT_TENANT = (
    "/accounts/",
    "/tenants/",
    "/health/",
    "/metrics",
    "/schemas/",
    settings.STATIC_URL,
)


class TenantMiddleware:
    """Find the active tenant of the session and let the request see that tenant's rows only.

    The transaction is opened here and not by ATOMIC_REQUESTS alone, because templates render after
    the view's own transaction has ended, and lazy querysets would then find nothing. A view that
    fails still rolls back: its own transaction is a savepoint in this one.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request in its tenant's transaction."""
        request.tenant = request.membership = None  # type: ignore[attr-defined]
        request.may_switch_tenant = False  # type: ignore[attr-defined]
        if not request.user.is_authenticated:
            return self.get_response(request)
        with ExitStack() as stack:
            stack.enter_context(user_context(request.user.pk))
            stack.enter_context(transaction.atomic())
            choice = active.find(request)
            if choice is not None:
                stack.enter_context(tenant_context(choice.tenant))
                request.tenant = choice.tenant  # type: ignore[attr-defined]
                request.membership = choice.membership  # type: ignore[attr-defined]
                request.may_switch_tenant = choice.has_alternatives  # type: ignore[attr-defined]
            elif not _works_without_tenant(request):
                return HttpResponseRedirect(reverse("tenants:choose"))
            return self.get_response(request)


def _works_without_tenant(request: HttpRequest) -> bool:
    if request.path.startswith(_WITHOUT_TENANT):
        return True
    # A platform operator manages tenants in the admin without being in one.
    return request.user.is_superuser and request.path.startswith("/admin/")
