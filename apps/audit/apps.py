"""The audit app."""

from __future__ import annotations

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Registers the app under its short label."""

    name = "apps.audit"
    verbose_name = "Audit"
    default_auto_field = "django.db.models.BigAutoField"
