"""Connections: which source systems a tenant syncs, and their state."""

from __future__ import annotations

import uuid

from django.db import models

from apps.accounts.models import User
from apps.tenants.models import TenantModel


class ConnectionState(models.TextChoices):
    """Whether a connection is synced."""

    ACTIVE = "active", "Active"
    PAUSED = "paused", "Paused"
    NEEDS_ATTENTION = "needs_attention", "Needs attention"


# From -> to. Syncs pause a connection that they cannot go on with; a person resumes it.
TRANSITIONS: dict[str, set[str]] = {
    ConnectionState.ACTIVE: {ConnectionState.PAUSED, ConnectionState.NEEDS_ATTENTION},
    ConnectionState.PAUSED: {ConnectionState.ACTIVE},
    ConnectionState.NEEDS_ATTENTION: {ConnectionState.ACTIVE, ConnectionState.PAUSED},
}


class ConnectionQuerySet(models.QuerySet["Connection"]):
    """Finds connections and moves them between states."""

    def syncing(self) -> ConnectionQuerySet:
        """Return the connections whose content is kept up to date."""
        return self.filter(state=ConnectionState.ACTIVE)

    def transition(self, connection_id: int, to: ConnectionState, *, reason: str = "") -> bool:
        """Move one connection by a conditional UPDATE and return whether it applied."""
        allowed = [state for state, targets in TRANSITIONS.items() if to in targets]
        moved = self.filter(pk=connection_id, state__in=allowed)
        return bool(moved.update(state=to, state_reason=reason))


class Connection(TenantModel):
    """One source system of a tenant: a provider's kind, its settings and its schedule."""

    uuid = models.UUIDField(default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=40)
    name = models.CharField(max_length=200)
    realm = models.CharField(
        max_length=200,
        editable=False,
        help_text="The namespace in which the source names people, groups and places.",
    )
    settings = models.JSONField(default=dict, blank=True)
    state = models.CharField(
        max_length=20, choices=ConnectionState, default=ConnectionState.ACTIVE, editable=False
    )
    state_reason = models.CharField(max_length=500, blank=True, editable=False)
    sweep_interval_s = models.PositiveIntegerField(
        "full sweep every (seconds)",
        default=900,
        help_text="How often everything is compared with the source.",
    )
    last_swept_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        User,
        null=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
    )

    objects = ConnectionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "uuid"], name="connection_uuid_once"),
            models.UniqueConstraint(fields=["tenant", "name"], name="connection_name_once"),
        ]

    def __str__(self) -> str:
        return self.name
