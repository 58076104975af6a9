"""How accounts are connected (auth configurations), and the accounts' secrets (credentials)."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Value

from apps.tenants.encryption import EncryptedTextField
from apps.tenants.fields import TenantForeignKey
from apps.tenants.models import TenantModel


class AuthMethod(models.TextChoices):
    """How a source lets Kenward in."""

    OAUTH = "oauth", "Sign-in at the source (OAuth 2.0)"
    SERVICE_ACCOUNT = "service_account", "Service account"
    API_KEY = "api_key", "API key"
    APP = "app", "Installed app"


class AuthConfig(TenantModel):
    """A blueprint for connecting accounts of one kind of source: the client, and its rights.

    Many connections share one. Its secrets are shown to nobody again.
    """

    uuid = models.UUIDField(default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=40, editable=False)
    name = models.CharField(max_length=200)
    method = models.CharField(max_length=20, choices=AuthMethod, default=AuthMethod.OAUTH)
    client_id = models.CharField("client ID", max_length=500, blank=True)
    client_secret = EncryptedTextField(blank=True, default="")
    # What the source signs its deliveries with, where that belongs to the client (Slack).
    signing_secret = EncryptedTextField(blank=True, default="")
    # Base URLs where they are not the provider's own, by the names that the provider gives them.
    endpoints = models.JSONField(default=dict, db_default=Value({}, models.JSONField()), blank=True)
    allows_writes = models.BooleanField(
        "may write",
        default=False,
        help_text="Rights to write are asked for when somebody first needs them, and never before.",
    )
    is_for_employees = models.BooleanField("employees may connect own accounts", default=False)
    is_active = models.BooleanField("in use", default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "uuid"], name="auth_config_uuid_once"),
            models.UniqueConstraint(fields=["tenant", "name"], name="auth_config_name_once"),
        ]
        verbose_name = "auth configuration"

    def __str__(self) -> str:
        return self.name


class CredentialState(models.TextChoices):
    """Whether an account's secrets still open the source."""

    VALID = "valid", "Valid"
    REJECTED = "rejected", "Not accepted any more"
    REVOKED = "revoked", "Revoked"


class Credential(TenantModel):
    """The secrets of one connection's account. No page, log, error or task shows them."""

    uuid = models.UUIDField(default=uuid.uuid4, editable=False)
    connection = TenantForeignKey(
        "connections.Connection", on_delete=models.CASCADE, related_name="credentials"
    )
    config = TenantForeignKey(AuthConfig, on_delete=models.PROTECT, related_name="credentials")
    # JSON: what the method needs (tokens, an API key, a service account's key file).
    secret = EncryptedTextField(editable=False)
    state = models.CharField(
        max_length=20, choices=CredentialState, default=CredentialState.VALID, editable=False
    )
    # Who the source says the account is: an address or a name, never a secret.
    subject = models.CharField(max_length=300, blank=True, editable=False)
    scopes = models.JSONField(
        default=list, db_default=Value([], models.JSONField()), editable=False
    )
    expires_at = models.DateTimeField(null=True, editable=False)
    renewed_at = models.DateTimeField(auto_now_add=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "connection"], name="credential_once_per_connection"
            )
        ]

    def __str__(self) -> str:
        return self.subject or str(self.uuid)
