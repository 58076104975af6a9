"""What was true when: each state of a row that decides about reading, and when it was committed.

Triggers write both tables (see migration 0005). The application adds nothing by itself, changes
nothing, and deletes only what is older than the tenant keeps.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.acls.fields import TransactionIdField
from apps.tenants.models import TenantModel


class History(TenantModel):
    """One state of one row, from the transaction that brought it to the one that ended it.

    `key` and `other` are what the row is looked up by: of an edge its member and its group, of a
    claim the person and the identity, of an entry the ACL and the principal, of a place itself and
    its parent, of a clause the policy and the ACL, of a membership the person.
    """

    relation = models.CharField(max_length=12)
    row_id = models.BigIntegerField()
    key = models.BigIntegerField()
    other = models.BigIntegerField(null=True)
    data = models.JSONField()
    from_xid = TransactionIdField()
    to_xid = TransactionIdField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "relation", "row_id"],
                condition=Q(to_xid=None),
                name="history_one_state_at_a_time",
            )
        ]
        indexes = [
            models.Index(fields=["tenant", "relation", "key"], name="history_by_key"),
            models.Index(
                fields=["tenant", "relation", "other"],
                condition=Q(other__isnull=False),
                name="history_by_other",
            ),
            models.Index(
                fields=["tenant", "to_xid"],
                condition=Q(to_xid__isnull=False),
                name="history_ended",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.relation} {self.row_id} from {self.from_xid}"


class Transaction(TenantModel):
    """When a transaction that wrote history was committed; empty while it runs.

    A transaction's start can be minutes before its commit, so the clock is read as the last thing
    before the commit.
    """

    xid = TransactionIdField()
    committed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "xid"], name="transaction_once"),
        ]
        indexes = [models.Index(fields=["tenant", "committed_at"], name="transaction_by_time")]

    def __str__(self) -> str:
        return f"{self.xid} at {self.committed_at}"
