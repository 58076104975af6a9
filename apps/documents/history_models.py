"""Which policy a document carried when; written by triggers alone (see migration 0005)."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.acls.fields import TransactionIdField
from apps.tenants.models import TenantModel


class DocumentHistory(TenantModel):
    """One state of what decides about a document, from one transaction to another.

    Narrow and without references: a row for each document, which outlives what it names.
    """

    document_id = models.BigIntegerField()
    policy_id = models.BigIntegerField()
    classification = models.CharField(max_length=20)
    is_deleted = models.BooleanField()
    from_xid = TransactionIdField()
    to_xid = TransactionIdField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "document_id"],
                condition=Q(to_xid=None),
                name="documenthistory_one_state",
            )
        ]
        indexes = [
            models.Index(
                fields=["tenant", "document_id"],
                condition=Q(to_xid__isnull=False),
                name="documenthistory_past",
            ),
            models.Index(fields=["tenant", "policy_id"], name="documenthistory_by_policy"),
        ]

    def __str__(self) -> str:
        return f"document {self.document_id} from {self.from_xid}"
