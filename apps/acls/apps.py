"""The acls app."""

from __future__ import annotations

from django.apps import AppConfig


class AclsConfig(AppConfig):
    """Registers the app under its short label."""

    name = "apps.acls"
    verbose_name = "Permissions"
    default_auto_field = "django.db.models.BigAutoField"
