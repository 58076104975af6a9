"""Which documents need which grants: an AND of ORs of ACLs."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.acls.models.lists import Acl
from apps.tenants.fields import TenantForeignKey
from apps.tenants.models import TenantModel


class Policy(TenantModel):
    """What a document asks for: an AND of clauses. Immutable, shared by equal documents."""

    ordinal = models.PositiveIntegerField(help_text="Dense within the tenant, never used again.")
    fingerprint = models.CharField(max_length=64)
    clause_count = models.PositiveSmallIntegerField()

    class Meta:
        verbose_name_plural = "policies"
        constraints = [
            models.UniqueConstraint(fields=["tenant", "fingerprint"], name="policy_once"),
            models.UniqueConstraint(fields=["tenant", "ordinal"], name="policy_ordinal_once"),
            models.CheckConstraint(condition=Q(clause_count__gte=1), name="policy_has_a_clause"),
        ]

    def __str__(self) -> str:
        return f"Policy {self.ordinal}"


class PolicyClause(TenantModel):
    """One ACL of one clause. An ACL that a policy names can not be deleted."""

    policy = TenantForeignKey(
        Policy, db_index=False, on_delete=models.CASCADE, related_name="clauses"
    )
    clause = models.PositiveSmallIntegerField()
    acl = TenantForeignKey(Acl, db_index=False, on_delete=models.PROTECT, related_name="+")
    # The policy's own count and ordinal again, so that the readable set needs no join to find them.
    clause_count = models.PositiveSmallIntegerField()
    ordinal = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "policy", "clause", "acl"], name="policyclause_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["tenant", "acl"],
                include=["policy", "clause", "clause_count", "ordinal"],
                name="policyclause_by_acl",
            )
        ]

    def __str__(self) -> str:
        return f"{self.policy_id}/{self.clause}: {self.acl_id}"
