"""The search app."""

from __future__ import annotations

from django.apps import AppConfig


class SearchConfig(AppConfig):
    """Registers the app under its short label."""

    name = "apps.search"
    verbose_name = "Search"
    default_auto_field = "django.db.models.BigAutoField"
