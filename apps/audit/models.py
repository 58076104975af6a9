"""What happened, who did it, to what: rows that are only ever added."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models


class Event(models.Model):
    """One recorded act. Names ids and never a document's content.

    The tenant is named by hand rather than inherited: this app lies below `tenants`, so that
    everybody can record.
    """

    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.PROTECT, related_name="+")
    uuid = models.UUIDField(default=uuid.uuid4, editable=False)
    action = models.CharField(max_length=100)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    target_type = models.CharField(max_length=100, blank=True)
    target_id = models.CharField(max_length=64, blank=True)
    details = models.JSONField(default=dict, blank=True)
    happened_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "uuid"], name="event_uuid_once")]
        indexes = [models.Index(fields=["tenant", "-happened_at"], name="event_by_time")]
        verbose_name = "audit event"

    def __str__(self) -> str:
        return f"{self.action} {self.target_type} {self.target_id}".strip()
