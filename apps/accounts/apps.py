"""The accounts app."""

from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Registers the app under its short label."""

    name = "apps.accounts"
    verbose_name = "Accounts"
    default_auto_field = "django.db.models.BigAutoField"
