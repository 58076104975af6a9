"""The accounts app."""

from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Registers the app under its short label."""

    name = "apps.accounts"
    verbose_name = "Accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Listen to second factors being set up and removed, and end sockets at sign-out."""
        from allauth.mfa import signals
        from django.contrib.auth.signals import user_logged_out

        from apps.accounts import second_factor, sockets

        signals.authenticator_added.connect(second_factor.added, dispatch_uid="factor-added")
        signals.authenticator_removed.connect(second_factor.removed, dispatch_uid="factor-removed")
        signals.authenticator_reset.connect(second_factor.renewed, dispatch_uid="factor-renewed")
        user_logged_out.connect(sockets.end_after_sign_out, dispatch_uid="sockets-end")
