"""Connections: which source systems a tenant syncs, and their state."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Exists, OuterRef, Q

from apps.accounts.models import User
from apps.connections.credentials.models import AuthConfig as AuthConfig
from apps.connections.credentials.models import Credential as Credential
from apps.connections.object_permissions import (
    ConnectionGroupPermission as ConnectionGroupPermission,
)
from apps.connections.object_permissions import (
    ConnectionUserPermission as ConnectionUserPermission,
)
from apps.tenants.models import Membership, TenantModel

# The kind of the connection that holds a tenant's canary documents (`documents.canaries`).
CANARY_KIND = "canary"


class ConnectionState(models.TextChoices):
    """Whether a connection is synced."""

    ACTIVE = "active", "Active"
    PAUSED = "paused", "Paused"
    NEEDS_ATTENTION = "needs_attention", "Needs attention"
    DISCONNECTED = "disconnected", "Disconnected"


class WhenStale(models.TextChoices):
    """What becomes of documents whose permissions were confirmed too long ago."""

    HIDE = "hide", "Hide them until their permissions are confirmed"
    CHECK = "check", "Ask the source each time somebody opens one"


# From -> to. Syncs pause a connection that they cannot go on with; a person resumes it.
TRANSITIONS: dict[str, set[str]] = {
    ConnectionState.ACTIVE: {
        ConnectionState.PAUSED,
        ConnectionState.NEEDS_ATTENTION,
        ConnectionState.DISCONNECTED,
    },
    ConnectionState.PAUSED: {ConnectionState.ACTIVE, ConnectionState.DISCONNECTED},
    ConnectionState.NEEDS_ATTENTION: {
        ConnectionState.ACTIVE,
        ConnectionState.PAUSED,
        ConnectionState.DISCONNECTED,
    },
    ConnectionState.DISCONNECTED: {ConnectionState.ACTIVE},  # an account was connected again
}


class ConnectionQuerySet(models.QuerySet["Connection"]):
    """Finds connections and moves them between states."""

    def syncing(self) -> ConnectionQuerySet:
        """Return the connections whose content is kept up to date.

        An own account whose owner is no active member is none, whatever its state says.
        """
        members = Membership.objects.usable().filter(tenant=OuterRef("tenant"))
        is_there = Exists(members.filter(user=OuterRef("owner")))
        return self.filter(Q(owner=None) | is_there, state=ConnectionState.ACTIVE)

    def transition(self, connection_id: int, to: ConnectionState, *, reason: str = "") -> bool:
        """Move one connection by a conditional UPDATE and return whether it applied."""
        allowed = [state for state, targets in TRANSITIONS.items() if to in targets]
        moved = self.filter(pk=connection_id, state__in=allowed)
        return bool(moved.update(state=to, state_reason=reason))


_QueryingManager = models.Manager.from_queryset(ConnectionQuerySet)


class ConnectionManager(_QueryingManager["Connection"]):
    """Finds the connections that people know of."""

    def get_queryset(self) -> ConnectionQuerySet:
        """Leave out the connection of the canary documents, everywhere and unasked.

        Whatever lists, counts or syncs sources would give it away, or touch what lies in it. Its
        documents stay where a statement that forgets its filter finds them.
        """
        return ConnectionQuerySet(self.model, using=self._db).exclude(kind=CANARY_KIND)


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
    # A delegate resumes nothing else: an IT admin may have paused it because something leaked.
    paused_by_delegate = models.BooleanField(default=False, db_default=False, editable=False)
    sweep_interval_s = models.PositiveIntegerField(
        "full sweep every (seconds)",
        default=900,
        help_text="How often everything is compared with the source.",
    )
    poll_interval_s = models.PositiveIntegerField(
        "look for changes every (seconds)",
        default=60,
        db_default=60,
        help_text="How often the source is asked what has changed, beside what it reports itself.",
    )
    # Between these, by the clock of the zone, nothing is compared; what takes access away is heard.
    quiet_from = models.TimeField("quiet from", null=True, blank=True)
    quiet_until = models.TimeField("quiet until", null=True, blank=True)
    quiet_zone = models.CharField("time zone", max_length=60, default="UTC", db_default="UTC")
    last_swept_at = models.DateTimeField(null=True, editable=False)
    # When the source was last asked for its changes, and when it last sent word by itself.
    followed_at = models.DateTimeField(null=True, editable=False)
    pushed_at = models.DateTimeField(null=True, editable=False)
    permissions_max_age_s = models.PositiveIntegerField(
        "permissions count for (seconds)",
        default=3600,
        help_text="What was last confirmed longer ago is hidden, or asked of the source.",
    )
    # From before the source was asked, like every `observed_at`; empty: never, or not since a stop.
    permissions_confirmed_at = models.DateTimeField(null=True, editable=False)
    when_stale = models.CharField(
        "older permissions", max_length=10, choices=WhenStale, default=WhenStale.HIDE
    )
    hold_above = models.PositiveIntegerField(
        "hold widening above (documents)",
        null=True,
        blank=True,
        help_text="A sync that opens more documents than this to somebody waits for an IT admin."
        " Empty: never. What takes access away never waits.",
    )
    # An employee's own account: whatever it lists is for its owner alone.
    owner = models.ForeignKey(
        User, null=True, editable=False, on_delete=models.PROTECT, related_name="own_connections"
    )
    # Where ids of items are unique ("google_drive", "slack:T024BE7LD"); empty: in this connection.
    item_space = models.CharField(
        max_length=200, blank=True, default="", db_default="", editable=False
    )
    # Since when its documents are being deleted, and how many are; empty: nobody has asked for it.
    data_deletion_at = models.DateTimeField(null=True, editable=False)
    data_deleted = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        User,
        null=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
    )

    objects = ConnectionManager()
    with_canaries = ConnectionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "uuid"], name="connection_uuid_once"),
            models.UniqueConstraint(fields=["tenant", "name"], name="connection_name_once"),
        ]

    def __str__(self) -> str:
        return self.name
