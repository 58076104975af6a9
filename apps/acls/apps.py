"""The acls app."""

from __future__ import annotations

from django.apps import AppConfig


class AclsConfig(AppConfig):
    """Registers the app under its short label, and what has to be known from the start."""

    name = "apps.acls"
    verbose_name = "Permissions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Teach the driver to pass ids as binary arrays, and follow people's addresses."""
        # Importing NumPy before the apps are ready only costs time, and models cannot be.
        from apps.acls import address_changes, binary

        binary.register()
        address_changes.follow()
