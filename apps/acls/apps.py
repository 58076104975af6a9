"""The acls app."""

from __future__ import annotations

from django.apps import AppConfig


class AclsConfig(AppConfig):
    """Registers the app under its short label, and its parameter type with the driver."""

    name = "apps.acls"
    verbose_name = "Permissions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Teach the driver to pass ids as binary arrays."""
        from apps.acls import binary  # importing NumPy before the apps are ready only costs time

        binary.register()
