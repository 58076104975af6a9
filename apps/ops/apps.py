"""The ops app."""

from __future__ import annotations

from django.apps import AppConfig


class OpsConfig(AppConfig):
    """Registers the app under its short label."""

    name = "apps.ops"
    verbose_name = "Operations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let /metrics tell what the database knows, too."""
        from apps.ops import metrics_collector  # it loads models

        metrics_collector.install()
