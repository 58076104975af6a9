"""The chat app."""

from __future__ import annotations

from django.apps import AppConfig


class ChatConfig(AppConfig):
    """Registers the app under its short label."""

    name = "apps.chat"
    verbose_name = "Chat"
    default_auto_field = "django.db.models.BigAutoField"
