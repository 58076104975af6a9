"""The connections app."""

from __future__ import annotations

from django.apps import AppConfig


class ConnectionsConfig(AppConfig):
    """Registers the app under its short label."""

    name = "apps.connections"
    verbose_name = "Connections"
    default_auto_field = "django.db.models.BigAutoField"
