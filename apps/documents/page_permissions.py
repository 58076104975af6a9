"""Who is let through to the admin's pages that belong to no model."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest


def require(request: HttpRequest, *names: str) -> None:
    """Let only those through who are in a tenant and whose role has all these permissions.

    Raises:
        PermissionDenied: somebody else asks.
    """
    if getattr(request, "tenant", None) is None or not request.user.has_perms(names):
        raise PermissionDenied
