"""The chat app."""

from __future__ import annotations

from django.apps import AppConfig


class ChatConfig(AppConfig):
    """Registers the app under its short label."""

    name = "apps.chat"
    verbose_name = "Chat"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """End the sockets of whoever signs out."""
        from django.contrib.auth.signals import user_logged_out

        from apps.chat import sockets

        user_logged_out.connect(sockets.end_after_sign_out, dispatch_uid="chat-sockets")
