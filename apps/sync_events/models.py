"""Sync runs, their events, reported changes and failed items. The rows are the queue."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Value

from apps.connections.models import Connection
from apps.sync_events.drift_models import (
    DriftCheck,  # noqa: F401  Django looks for models here
    DriftMismatch,  # noqa: F401
)
from apps.sync_events.exposure.models import (
    ExposureLine,  # noqa: F401
    ExposurePage,  # noqa: F401
    ExposureRecall,  # noqa: F401
    ExposureReport,  # noqa: F401
)
from apps.sync_events.webhooks.models import (
    WebhookDelivery,  # noqa: F401  likewise
    WebhookEndpoint,  # noqa: F401
    WebhookMessage,  # noqa: F401
)
from apps.tenants.encryption import EncryptedTextField
from apps.tenants.fields import TenantForeignKey
from apps.tenants.models import TenantModel


class Lane(models.TextChoices):
    """What a run carries. One run per connection and lane at a time."""

    PERMISSIONS = "permissions", "Permissions"
    CONTENT = "content", "Content"


class RunState(models.TextChoices):
    """Where a run stands."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    PARTIAL = "partial", "Finished with problems"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


UNFINISHED = (RunState.QUEUED, RunState.RUNNING)


class SyncRun(TenantModel):
    """One pass over a connection's content or permissions, with live progress."""

    class Trigger(models.TextChoices):
        """Why a run started."""

        SCHEDULE = "schedule", "Schedule"
        CHANGE = "change", "Change in the source"
        POLL = "poll", "Asked for changes"
        PERSON = "person", "By hand"

    uuid = models.UUIDField(default=uuid.uuid4, editable=False)
    connection = TenantForeignKey(Connection, on_delete=models.CASCADE, related_name="runs")
    lane = models.CharField(max_length=20, choices=Lane)
    trigger = models.CharField(max_length=20, choices=Trigger)
    is_sweep = models.BooleanField(
        "full sweep", default=False, help_text="Compares everything; otherwise only what changed."
    )
    state = models.CharField(max_length=20, choices=RunState, default=RunState.QUEUED)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    # Who works on it now: a random token per claim, and when it last said so.
    claim = models.UUIDField(null=True, editable=False)
    heartbeat_at = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    cursor = models.JSONField(null=True, editable=False)
    pages = models.PositiveIntegerField(default=0)
    seen = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(null=True)
    added = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    deleted = models.PositiveIntegerField(default=0)
    moved = models.PositiveIntegerField(default=0, db_default=0)
    # Documents that got another policy, and entries and members that were told differently.
    permissions_changed = models.PositiveIntegerField(default=0, db_default=0)
    # When it last stored something; a run that has stored nothing for long is stuck.
    progressed_at = models.DateTimeField(null=True, editable=False)
    stuck_at = models.DateTimeField(null=True, editable=False)
    # How far it was at moments of its last minute: [seconds since 1970, documents or pages].
    lately = models.JSONField(
        default=list, db_default=Value([], models.JSONField()), editable=False
    )
    # From before the first request for permissions: that is when what it confirms was true.
    confirms_from = models.DateTimeField(null=True, editable=False)
    problems = models.PositiveIntegerField(default=0)
    # Documents that its pages have opened to somebody so far: large swings come in steps, too.
    opened = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    error = models.CharField(max_length=1000, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "uuid"], name="run_uuid_once"),
            models.UniqueConstraint(
                fields=["tenant", "connection", "lane"],
                condition=models.Q(state=RunState.RUNNING),
                name="one_running_per_lane",
            ),
            models.UniqueConstraint(
                fields=["tenant", "connection", "lane", "is_sweep"],
                condition=models.Q(state=RunState.QUEUED),
                name="one_queued_per_lane",
            ),
        ]
        indexes = [
            models.Index(
                fields=["tenant", "state"],
                condition=models.Q(state__in=["queued", "running"]),
                name="run_unfinished",
            ),
            models.Index(fields=["tenant", "-created_at"], name="run_by_time"),
        ]
        verbose_name = "sync run"
        verbose_name_plural = "sync events"

    def __str__(self) -> str:
        return f"{self.connection} · {self.get_lane_display()} · {self.created_at:%Y-%m-%d %H:%M}"


class SyncEvent(TenantModel):
    """One thing that a run wants an admin to know, mostly about one item."""

    class Level(models.TextChoices):
        """How bad it is."""

        INFO = "info", "Info"
        WARNING = "warning", "Warning"
        ERROR = "error", "Error"

    run = TenantForeignKey(SyncRun, null=True, on_delete=models.CASCADE, related_name="events")
    connection = TenantForeignKey(Connection, on_delete=models.CASCADE, related_name="events")
    level = models.CharField(max_length=10, choices=Level)
    code = models.CharField(max_length=60)
    external_id = models.CharField(max_length=4096, blank=True)
    message = models.CharField(max_length=1000)
    hint = models.CharField(max_length=500, blank=True)
    happened_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["tenant", "run", "id"], name="event_of_run")]

    def __str__(self) -> str:
        return f"{self.code} {self.external_id}".strip()


class RunChange(TenantModel):
    """One document that a run has changed; the first of each kind are listed."""

    class Kind(models.TextChoices):
        """What became of it."""

        ADDED = "added", "New"
        UPDATED = "updated", "Changed"
        MOVED = "moved", "Moved or renamed"
        DELETED = "deleted", "Gone"
        PERMISSIONS = "permissions", "Other readers"

    run = TenantForeignKey(SyncRun, on_delete=models.CASCADE, related_name="changes")
    kind = models.CharField(max_length=20, choices=Kind)
    document_uuid = models.UUIDField()
    external_id = models.CharField(max_length=4096)

    class Meta:
        indexes = [models.Index(fields=["tenant", "run", "kind"], name="change_of_run")]

    def __str__(self) -> str:
        return self.external_id


class ChangeHint(TenantModel):
    """Something a source said has changed; a content run looks at it and deletes this row."""

    connection = TenantForeignKey(Connection, on_delete=models.CASCADE, related_name="hints")
    lane = models.CharField(max_length=20, choices=Lane)
    external_id = models.CharField(max_length=4096)
    noted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["tenant", "connection", "id"], name="hint_of_connection")]

    def __str__(self) -> str:
        return self.external_id


class LogPosition(TenantModel):
    """How far one of a source's logs of changes has been read (`FollowsChanges`)."""

    connection = TenantForeignKey(
        Connection, on_delete=models.CASCADE, related_name="log_positions"
    )
    name = models.CharField(max_length=500)
    position = models.TextField()
    # When it was last begun to be read to its end; empty: not since it was noted. Both by the clock
    # of the database: what was told later is not read yet.
    read_at = models.DateTimeField(null=True)
    # When the source last said that it has something new.
    told_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "connection", "name"], name="position_once_per_log"
            )
        ]

    def __str__(self) -> str:
        return self.name


class PushSubscription(TenantModel):
    """An agreement with a source that it sends word of changes, until it ends."""

    connection = TenantForeignKey(
        Connection, on_delete=models.CASCADE, related_name="push_subscriptions"
    )
    name = models.CharField(max_length=500)
    # Empty: it is being asked for.
    source_id = models.CharField(max_length=500, blank=True)
    resource_id = models.CharField(max_length=1000, blank=True)
    # What only the source and Kenward know; each delivery carries it. The same for a connection.
    secret = EncryptedTextField()
    made_at = models.DateTimeField(auto_now=True)
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "connection", "name"], name="subscription_once"
            )
        ]

    def __str__(self) -> str:
        return self.name


class FailedItem(TenantModel):
    """An item that could not be synced: retried with back-off, then left for an admin."""

    connection = TenantForeignKey(Connection, on_delete=models.CASCADE, related_name="failed_items")
    external_id = models.CharField(max_length=4096)
    code = models.CharField(max_length=60)
    message = models.CharField(max_length=1000)
    hint = models.CharField(max_length=500, blank=True)
    attempts = models.PositiveSmallIntegerField(default=1)
    retry_at = models.DateTimeField(null=True)
    first_failed_at = models.DateTimeField(auto_now_add=True)
    last_failed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "connection", "external_id"], name="failed_item_once"
            )
        ]

    def __str__(self) -> str:
        return self.external_id
