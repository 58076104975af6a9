"""The admin site: sign-in by allauth, open to operators, IT admins and auditors."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from unfold.sites import UnfoldAdminSite

from apps.tenants.permissions import may_open_admin


class KenwardAdminSite(UnfoldAdminSite):  # type: ignore[misc]  # no stubs
    """The dashboard of IT admins; what it shows is scoped to the active tenant by the database."""

    def has_permission(self, request: HttpRequest) -> bool:
        """Return whether this person's role opens the admin."""
        return may_open_admin(request)

    def login(self, request: HttpRequest, extra_context: object = None) -> HttpResponse:
        """Send to the one sign-in page; somebody signed in without the role learns so."""
        if request.user.is_authenticated:
            raise PermissionDenied("The admin is for IT admins and auditors.")
        query = urlencode({"next": request.get_full_path()})
        return redirect(f"{reverse('account_login')}?{query}")
