"""What syncs would open and an admin has to agree to first."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.connections.models import Connection
from apps.tenants.fields import TenantForeignKey
from apps.tenants.models import TenantModel


class HoldState(models.TextChoices):
    """What became of a held change."""

    WAITING = "waiting", "Waits for an IT admin"
    AGREED = "agreed", "Agreed to"
    REFUSED = "refused", "Refused"
    REPLACED = "replaced", "Replaced by a newer observation"
    WITHDRAWN = "withdrawn", "Taken back by the source"


class HeldChange(TenantModel):
    """All that one source would open just now. What it consists of never changes: see `HeldPart`.

    Another observation makes another row, so that nobody agrees to more than they have seen.
    """

    uuid = models.UUIDField(default=uuid.uuid4, editable=False)
    connection = TenantForeignKey(Connection, on_delete=models.CASCADE, related_name="holds")
    state = models.CharField(max_length=10, choices=HoldState, default=HoldState.WAITING)
    fingerprint = models.CharField(max_length=64, editable=False)
    # Empty where it could not be counted in time; what cannot be counted is held.
    documents = models.PositiveIntegerField(null=True)
    people = models.PositiveIntegerField(null=True)
    documents_for_all = models.PositiveIntegerField(
        null=True, help_text="Of these, documents that every full member could read."
    )
    # Ids of a few documents and people, for the admin's page.
    sample_documents = models.JSONField(default=list, blank=True)
    sample_people = models.JSONField(default=list, blank=True)
    held_at = models.DateTimeField(auto_now_add=True)
    observed_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "uuid"], name="heldchange_uuid_once"),
            models.UniqueConstraint(
                fields=["tenant", "connection"],
                condition=Q(state="waiting"),
                name="heldchange_one_waiting",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.connection} · {self.held_at:%Y-%m-%d %H:%M}"


class HeldPart(TenantModel):
    """What a held change would open at one place, in one group or for one item."""

    change = TenantForeignKey(HeldChange, on_delete=models.CASCADE, related_name="parts")
    # place:…, group:…, item:…, address:… or activity:…, by the source's own id; and a digest of
    # what it wants.
    subject = models.CharField(max_length=4200)
    fingerprint = models.CharField(max_length=64)
    # Lines of [what, whom, …]: ids of the source, for people to read.
    wants = models.JSONField(default=list)
    # Agreed and applied, or not wanted any more: it decides about no later page.
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant", "change", "id"], name="heldpart_of_change")
        ]

    def __str__(self) -> str:
        return self.subject
