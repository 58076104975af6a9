"""The tenants app."""

from __future__ import annotations

from django.apps import AppConfig


class TenantsConfig(AppConfig):
    """Registers the app under its short label."""

    name = "apps.tenants"
    verbose_name = "Tenants"
    default_auto_field = "django.db.models.BigAutoField"
