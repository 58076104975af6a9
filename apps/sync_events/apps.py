"""The sync_events app."""

from __future__ import annotations

from django.apps import AppConfig


class SyncEventsConfig(AppConfig):
    """Registers the app under its short label."""

    name = "apps.sync_events"
    verbose_name = "Sync Events"
    default_auto_field = "django.db.models.BigAutoField"
