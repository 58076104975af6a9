"""The sync_events app."""

from __future__ import annotations

from django.apps import AppConfig


class SyncEventsConfig(AppConfig):
    """Registers the app under its short label."""

    name = "apps.sync_events"
    verbose_name = "Sync Events"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let IT admins hand single connections to people."""
        from apps.sync_events import delegated  # models load only when the apps are ready

        delegated.register()
