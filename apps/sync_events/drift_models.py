"""How well Kenward's answers agree with the sources' own: sampled checks and what they found."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.connections.models import Connection
from apps.documents.models import Document
from apps.tenants.fields import TenantForeignKey
from apps.tenants.models import TenantModel


class DriftCheck(TenantModel):
    """One sample of (person, document) pairs of a connection, asked of us and of the source."""

    connection = TenantForeignKey(Connection, on_delete=models.CASCADE, related_name="drift_checks")
    started_at = models.DateTimeField(auto_now_add=True)
    # Pairs (ids of person and document) that disagreed at first. They are asked once more, since a
    # change may have been under way.
    disputed = models.JSONField(default=list, editable=False)
    ask_again_at = models.DateTimeField(editable=False)
    finished_at = models.DateTimeField(null=True)
    asked = models.PositiveIntegerField(default=0)
    agreed = models.PositiveIntegerField(default=0)
    leaks = models.PositiveIntegerField(default=0, help_text="We allow, the source denies.")
    losses = models.PositiveIntegerField(default=0, help_text="We deny, the source allows.")
    unanswered = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "connection"],
                condition=Q(finished_at=None),
                name="one_drift_check_at_a_time",
            )
        ]
        indexes = [
            models.Index(fields=["tenant", "connection", "-started_at"], name="driftcheck_by_time")
        ]
        verbose_name = "drift check"

    def __str__(self) -> str:
        return f"{self.connection} · {self.started_at:%Y-%m-%d %H:%M}"

    @property
    def rate(self) -> float | None:
        """Return the share of answered pairs that disagreed, 0 to 1; None where none was."""
        answered = self.agreed + self.leaks + self.losses
        return (self.leaks + self.losses) / answered if answered else None


class DriftMismatch(TenantModel):
    """A person and a document about whom Kenward and the source gave different answers."""

    found_by = TenantForeignKey(DriftCheck, on_delete=models.CASCADE, related_name="mismatches")
    connection = TenantForeignKey(
        Connection, on_delete=models.CASCADE, related_name="drift_mismatches"
    )
    document = TenantForeignKey(Document, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    ours = models.BooleanField(help_text="Whether Kenward let the person read it.")
    theirs = models.BooleanField(help_text="Whether the source did.")
    explanation = models.CharField(max_length=2000, blank=True)
    found_at = models.DateTimeField(auto_now_add=True)
    repair_requested_at = models.DateTimeField(null=True)
    repaired_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "user", "document"],
                condition=Q(repaired_at=None),
                name="open_mismatch_once",
            )
        ]
        indexes = [models.Index(fields=["tenant", "-found_at"], name="driftmismatch_by_time")]
        verbose_name = "drift"
        verbose_name_plural = "drift"

    def __str__(self) -> str:
        return f"{self.user_id} and document {self.document_id}"
