"""Exposure reports: what was asked, how far it is, what came out; and what a source told so far."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from apps.connections.models import Connection
from apps.tenants.fields import TenantForeignKey
from apps.tenants.models import TenantModel


class ReportState(models.TextChoices):
    """Where a report stands."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


UNFINISHED_REPORTS = (ReportState.QUEUED, ReportState.RUNNING)


class Stage(models.TextChoices):
    """What a report is working on; in this order."""

    PERMISSIONS = "permissions", "Listing places, readers and groups"
    ITEMS = "items", "Listing documents"
    OUTCOME = "outcome", "Working out who would read what"


class ExposureReport(TenantModel):
    """One dry run of a connection, with its stored settings or with proposed ones."""

    uuid = models.UUIDField(default=uuid.uuid4, editable=False)
    connection = TenantForeignKey(
        Connection, on_delete=models.CASCADE, related_name="exposure_reports"
    )
    # As `Connection.settings` would hold them; empty: what is stored when the source is asked.
    proposed = models.JSONField(null=True, editable=False)
    state = models.CharField(max_length=20, choices=ReportState, default=ReportState.QUEUED)
    stage = models.CharField(max_length=20, choices=Stage, default=Stage.PERMISSIONS)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    # Who works on it now, as for a `SyncRun`.
    claim = models.UUIDField(null=True, editable=False)
    heartbeat_at = models.DateTimeField(null=True, editable=False)
    not_before = models.DateTimeField(null=True, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    cursor = models.JSONField(null=True, editable=False)
    pages = models.PositiveIntegerField(default=0)
    seen = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(null=True)
    # Whether the source has more documents than were looked at.
    is_truncated = models.BooleanField(default=False)
    # Numbers and short lists; long ones are `ExposureLine`s.
    result = models.JSONField(default=dict, editable=False)
    error = models.CharField(max_length=1000, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "uuid"], name="exposure_uuid_once"),
            models.UniqueConstraint(
                fields=["tenant", "connection"],
                condition=models.Q(state__in=["queued", "running"]),
                name="one_unfinished_exposure",
            ),
        ]
        indexes = [
            models.Index(
                fields=["tenant", "state"],
                condition=models.Q(state__in=["queued", "running"]),
                name="exposure_unfinished",
            ),
            models.Index(fields=["tenant", "-created_at"], name="exposure_by_time"),
        ]
        verbose_name = "exposure dry run"
        verbose_name_plural = "exposure dry runs"

    def __str__(self) -> str:
        return f"{self.connection} · {self.created_at:%Y-%m-%d %H:%M}"


class LineKind(models.TextChoices):
    """What a line of a report is about."""

    PERSON = "person", "Person"
    UNMATCHED = "unmatched", "Unmatched person"
    UNKNOWN_GROUP = "group", "Group with unknown members"
    PUBLIC = "public", "Public"
    FOLDER = "folder", "Top folder"
    PROBLEM = "problem", "Problem"


class ExposureLine(TenantModel):
    """One row of a report: a person, a folder, a public finding. Names and paths, no text."""

    report = TenantForeignKey(ExposureReport, on_delete=models.CASCADE, related_name="lines")
    kind = models.CharField(max_length=20, choices=LineKind)
    position = models.PositiveIntegerField()
    label = models.CharField(max_length=500)
    external_id = models.CharField(max_length=500, blank=True)
    email = models.CharField(max_length=254, blank=True)
    documents = models.PositiveIntegerField(default=0)
    gained = models.PositiveIntegerField(default=0)
    lost = models.PositiveIntegerField(default=0)
    size_bytes = models.BigIntegerField(default=0)
    note = models.CharField(max_length=1000, blank=True)
    paths = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "report", "kind", "position"], name="exposure_line_once"
            )
        ]

    def __str__(self) -> str:
        return self.label


class ExposurePage(TenantModel):
    """A page as a source told it, without titles and texts; deleted once the report is made."""

    report = TenantForeignKey(ExposureReport, on_delete=models.CASCADE, related_name="told")
    stage = models.CharField(max_length=20, choices=Stage)
    number = models.PositiveIntegerField()
    told = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "report", "number"], name="exposure_page_once"
            )
        ]

    def __str__(self) -> str:
        return f"Page {self.number}"


class ExposureRecall(TenantModel):
    """What a connector that `Recalls` has told of an item; deleted once the report is made."""

    report = TenantForeignKey(ExposureReport, on_delete=models.CASCADE, related_name="recalled")
    external_id = models.CharField(max_length=4096)
    fields = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "report", "external_id"], name="exposure_recall_once"
            )
        ]

    def __str__(self) -> str:
        return self.external_id
