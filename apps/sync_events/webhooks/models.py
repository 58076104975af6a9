"""Where webhooks go, what they say, and what became of each."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from apps.tenants.encryption import EncryptedTextField
from apps.tenants.fields import TenantForeignKey
from apps.tenants.models import TenantModel


class EndpointManager(models.Manager["WebhookEndpoint"]):
    """Finds endpoints without their secrets, which are loaded where something is signed."""

    def get_queryset(self) -> models.QuerySet[WebhookEndpoint]:
        """Leave the secrets where they are."""
        return super().get_queryset().defer("secret", "previous_secret")


class WebhookEndpoint(TenantModel):
    """An address that is told of events, and the secret that signs what it is told."""

    uuid = models.UUIDField(default=uuid.uuid4, editable=False)
    url = models.CharField("address", max_length=1000)
    description = models.CharField(max_length=200, blank=True)
    events = ArrayField(models.CharField(max_length=60), default=list)
    secret = EncryptedTextField(editable=False)
    # Signs beside the new one until then, so that receivers can change over.
    previous_secret = EncryptedTextField(blank=True, default="", editable=False)
    previous_until = models.DateTimeField(null=True, editable=False)
    is_active = models.BooleanField(default=True, editable=False)
    disabled_reason = models.CharField(max_length=200, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = EndpointManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "uuid"], name="endpoint_uuid_once"),
            models.UniqueConstraint(fields=["tenant", "url"], name="endpoint_url_once"),
        ]
        verbose_name = "webhook"

    def __str__(self) -> str:
        return self.description or self.url

    def secrets(self, now: datetime) -> list[str]:
        """Return the secrets that sign at a time, the newest first."""
        has_previous = self.previous_until is not None and now < self.previous_until
        return [self.secret, self.previous_secret] if has_previous else [self.secret]


class WebhookMessage(TenantModel):
    """One event, as every endpoint that wants it is told; its uuid is the `webhook-id`."""

    uuid = models.UUIDField(default=uuid.uuid4, editable=False)
    event = models.CharField(max_length=60)
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "uuid"], name="webhookmessage_uuid_once")
        ]
        indexes = [models.Index(fields=["tenant", "created_at"], name="webhookmessage_by_time")]
        verbose_name = "webhook message"

    def __str__(self) -> str:
        return f"{self.event} {self.uuid}"


class DeliveryState(models.TextChoices):
    """What became of a message on its way to one endpoint."""

    PENDING = "pending", "Pending"
    DELIVERED = "delivered", "Delivered"
    DEAD = "dead", "Dead letter"
    CANCELLED = "cancelled", "Cancelled"


class WebhookDelivery(TenantModel):
    """One message for one endpoint. The rows are the queue, tasks only wake the work."""

    message = TenantForeignKey(WebhookMessage, on_delete=models.CASCADE, related_name="deliveries")
    endpoint = TenantForeignKey(
        WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries"
    )
    state = models.CharField(max_length=20, choices=DeliveryState, default=DeliveryState.PENDING)
    # Counted when a try begins, so that one that kills its worker counts, too.
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(null=True)
    # When the latest try began: while it is new, somebody is at it.
    claimed_at = models.DateTimeField(null=True, editable=False)
    last_status = models.PositiveSmallIntegerField(null=True)
    last_error = models.CharField(max_length=200, blank=True)
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "message", "endpoint"], name="delivery_once_per_endpoint"
            )
        ]
        indexes = [
            models.Index(
                fields=["tenant", "endpoint", "next_at"],
                condition=Q(state="pending"),
                name="delivery_pending",
            ),
            models.Index(fields=["tenant", "state", "-id"], name="delivery_by_state"),
        ]
        verbose_name = "webhook delivery"
        verbose_name_plural = "webhook deliveries"

    def __str__(self) -> str:
        return f"{self.message_id} to {self.endpoint_id}"
