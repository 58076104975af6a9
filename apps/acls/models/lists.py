"""What is granted where: places and values, their entries, and the flattened chain of parents."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q
from guardian.models import GroupObjectPermissionBase

from apps.connections.protocol import Form, Level, Mode
from apps.tenants.fields import TenantForeignKey
from apps.tenants.models import TenantModel
from apps.tenants.object_permissions import TenantObjectPermission


class Acl(TenantModel):
    """Whom one place of a source lets read, or a list of readers that items share."""

    uuid = models.UUIDField(default=uuid.uuid4, editable=False)
    realm = models.CharField(max_length=200)
    external_id = models.CharField(max_length=500)
    label = models.CharField(max_length=2000, blank=True)
    form = models.CharField(
        max_length=10,
        choices=[(f.value, f.value.title()) for f in Form],
        default=Form.PLACE.value,
    )
    parent = TenantForeignKey(
        "self",
        db_index=False,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="children",
    )
    mode = models.CharField(
        max_length=5, choices=[(m.value, m.value.title()) for m in Mode], default=Mode.ADD.value
    )
    observed_at = models.DateTimeField(null=True, editable=False)
    brought_by = models.UUIDField(null=True, editable=False)

    class Meta:
        verbose_name = "ACL"
        # Beside Django's own view_acl, which allows; entries use these two codenames only.
        permissions = [("deny_acl", "Is kept from what the ACL protects")]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "uuid"], name="acl_uuid_once"),
            models.UniqueConstraint(
                fields=["tenant", "realm", "external_id"], name="acl_once_per_realm"
            ),
            models.CheckConstraint(
                condition=Q(form="place") | Q(parent=None, mode="add"),
                name="acl_value_stands_alone",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "parent"], name="acl_by_parent")]

    def __str__(self) -> str:
        return self.label or self.external_id


class AclEntry(GroupObjectPermissionBase, TenantObjectPermission):
    """One line of an ACL: guardian's direct permission row, with order, stickiness and times.

    The permission is `view_acl` (allow) or `deny_acl`. Of several matching entries the nearest
    place's count, there the least `ord`, and a denial wins a tie. Only sticky ones pass a cut.
    """

    # PROTECT: a cascade from a principal could silently remove a denial.
    group = models.ForeignKey(Group, db_index=False, on_delete=models.PROTECT, related_name="+")
    # An ACL that a policy or a child needs cannot go, so its entries may go with it.
    content_object = TenantForeignKey(
        Acl, db_index=False, on_delete=models.CASCADE, related_name="entries"
    )
    ord = models.PositiveSmallIntegerField(default=0)
    sticky = models.BooleanField(default=False)
    starts_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    level = models.PositiveSmallIntegerField(
        choices=[(level.value, level.name.title()) for level in Level],
        default=Level.READ.value,
        db_default=Level.READ.value,
    )
    observed_at = models.DateTimeField(null=True)
    brought_by = models.UUIDField(null=True, editable=False)

    class Meta:
        verbose_name = "ACL entry"
        verbose_name_plural = "ACL entries"
        unique_together: ClassVar[list[str]] = []  # guardian's own leaves the tenant out
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "content_object", "group"], name="aclentry_once_per_principal"
            )
        ]
        indexes = [
            models.Index(fields=["tenant", "group"], name="aclentry_by_principal"),
            models.Index(
                fields=["tenant", "group", "starts_at"],
                condition=Q(starts_at__isnull=False),
                name="aclentry_starting",
            ),
        ]


class Line(TenantModel):
    """The flattened chain of parents. The database keeps it (see migration 0002)."""

    acl = TenantForeignKey(Acl, db_index=False, on_delete=models.CASCADE, related_name="line")
    ancestor = TenantForeignKey(Acl, db_index=False, on_delete=models.CASCADE, related_name="+")
    distance = models.PositiveIntegerField()
    cut = models.BooleanField(help_text="Something below the ancestor cuts off what it grants.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "acl", "ancestor"], name="line_once")
        ]
        indexes = [
            models.Index(
                fields=["tenant", "ancestor"],
                include=["acl", "distance", "cut"],
                name="line_by_ancestor",
            )
        ]

    def __str__(self) -> str:
        return f"{self.acl_id} below {self.ancestor_id}"
