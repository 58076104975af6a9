"""Where sources send people back after a sign-in."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse


def redirect_uri(request: HttpRequest) -> str:
    """Return the address, as it has to be registered at each source."""
    path = reverse("connectors:callback")
    if settings.KENWARD_PUBLIC_URL:
        return f"{settings.KENWARD_PUBLIC_URL}{path}"
    return request.build_absolute_uri(path)
