"""The documents app."""

from __future__ import annotations

from django.apps import AppConfig


class DocumentsConfig(AppConfig):
    """Registers the app under its short label."""

    name = "apps.documents"
    verbose_name = "Documents"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Give collections their sharing page."""
        from apps.documents import collections  # models load only when the apps are ready

        collections.register()
