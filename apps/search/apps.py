"""The search app."""

from __future__ import annotations

from django.apps import AppConfig


class SearchConfig(AppConfig):
    """Registers the app under its short label."""

    name = "apps.search"
    verbose_name = "Search"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let vectors travel as binary, and look at what vector search depends on."""
        from apps.search.vectors import vector_checks, vector_wire

        vector_wire.register()
        vector_checks.register()
