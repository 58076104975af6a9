"""What every page knows about the tenant it is shown in."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from apps.tenants import permissions


def tenant(request: HttpRequest) -> dict[str, Any]:
    """Return the active tenant, the person's membership and whether the admin is open to them."""
    return {
        "tenant": getattr(request, "tenant", None),
        "membership": getattr(request, "membership", None),
        "may_switch_tenant": getattr(request, "may_switch_tenant", False),
        "may_open_admin": permissions.may_open_admin(request),
    }
