"""Connections that tests make by hand, as a sync would have left them."""

from __future__ import annotations

from django.utils import timezone

from apps.connections.models import Connection


def confirmed(source: Connection) -> Connection:
    """Note that the permissions of a connection were confirmed just now, so that they count."""
    now = timezone.now()
    Connection.objects.filter(pk=source.pk).update(permissions_confirmed_at=now)
    source.permissions_confirmed_at = now
    return source
