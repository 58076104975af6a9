"""The accounts app."""

from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Registers the app under its short label."""

    name = "apps.accounts"
    verbose_name = "Accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Listen to second factors being set up and removed."""
        from allauth.mfa import signals

        from apps.accounts import second_factor

        signals.authenticator_added.connect(second_factor.added, dispatch_uid="factor-added")
        signals.authenticator_removed.connect(second_factor.removed, dispatch_uid="factor-removed")
        signals.authenticator_reset.connect(second_factor.renewed, dispatch_uid="factor-renewed")
