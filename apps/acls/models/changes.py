"""What cached sets are checked against: the change log, and where the tenant's rows live."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from apps.acls.fields import CurrentTransactionId, TransactionIdField
from apps.tenants.models import TenantModel


class PermissionChange(TenantModel):
    """Whom a transaction concerned. Triggers write it, and every cached set is checked against it.

    `principal_id` is a principal's id, 0 for everybody, or a person's id with a minus sign. It is
    no reference: what it names may be gone.
    """

    principal_id = models.BigIntegerField()
    xid = TransactionIdField(db_default=CurrentTransactionId())
    exact = models.BooleanField(
        default=True, help_text="False: it can only widen, and may be noticed a little later."
    )
    changed_at = models.DateTimeField(db_default=models.functions.Now())

    class Meta:
        indexes = [
            models.Index(
                fields=["tenant", "principal_id", "xid"],
                condition=Q(exact=True),
                name="permissionchange_exact",
            ),
            models.Index(
                fields=["tenant", "principal_id", "xid"],
                condition=Q(exact=False),
                name="permissionchange_late",
            ),
            models.Index(fields=["tenant", "changed_at"], name="permissionchange_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.principal_id} in {self.xid}"


class Placement(TenantModel):
    """Where a tenant's rows live: its transaction ids mean something only together with this."""

    incarnation = models.UUIDField(default=uuid.uuid4)
    floor_xid = TransactionIdField(default=0, help_text="Older changes may be gone from the log.")
    next_ordinal = models.PositiveIntegerField(default=1)
    # When the scheduler last looked after this tenant; while it does not, nothing counts as fresh.
    attended_at = models.DateTimeField(db_default=models.functions.Now())
    # When it came back after a stop: what was seen of the sources before confirms nothing.
    resumed_at = models.DateTimeField(null=True)
    # What was true before is known no more; empty: everything is known.
    history_from = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant"], name="placement_once")]

    def __str__(self) -> str:
        return str(self.incarnation)
