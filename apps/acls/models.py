"""Who is who in the sources, what is granted where, and which documents need which grants.

The algebra: an entry allows or denies a principal on an ACL; a place's line is itself and the
places above it, up to a cut; the entry that is nearest, then least in order, decides; a policy is
an AND of clauses, each an OR of ACLs. `statement.py` computes it.
"""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import F, Q
from guardian.models import GroupObjectPermissionBase

from apps.acls.derived import DerivedQuerySet
from apps.acls.fields import CurrentTransactionId, TransactionIdField
from apps.connections.protocol import Mode, PrincipalKind
from apps.tenants.fields import TenantForeignKey
from apps.tenants.models import TenantModel

# The kinds whose members are told by edges and that may stand inside one another.
NESTING_KINDS = (PrincipalKind.GROUP, PrincipalKind.DOMAIN)


# References carry no index of their own: the composite ones, tenant first, serve them.


class Form(models.TextChoices):
    """What an ACL is in its source."""

    PLACE = "place", "Place"  # a folder, space, channel or site; has a parent
    VALUE = "value", "Value"  # an immutable list, keyed by its content


class ClaimSource(models.TextChoices):
    """Why a person counts as an identity of a source."""

    EMAIL = "email", "Verified e-mail address"
    SSO = "sso", "Single sign-on"
    SCIM = "scim", "Directory (SCIM)"
    ALIAS = "alias", "Confirmed alias"
    ADMIN = "admin", "IT admin"


class Principal(TenantModel, Group):
    """A person, a group or a dynamic set of people, as a source names it.

    It extends Django's Group, so that guardian's grants stand before anybody has claimed the
    identity. `Group.name` is an opaque key: labels repeat, and exceed its length.
    """

    uuid = models.UUIDField(default=uuid.uuid4, editable=False)
    realm = models.CharField(max_length=200, help_text="The namespace of the source's identities.")
    kind = models.CharField(
        max_length=10, choices=[(k.value, k.value.title()) for k in PrincipalKind]
    )
    external_id = models.CharField(max_length=500)
    label = models.CharField(max_length=500, blank=True)
    email = models.CharField(max_length=254, blank=True)
    is_active = models.BooleanField(default=True)
    members_known = models.BooleanField(
        default=True, help_text="A group whose members are unknown can deny, never allow."
    )
    observed_at = models.DateTimeField(null=True, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)

    # Group's own manager looks groups up by names, which are opaque here.
    objects = models.Manager["Principal"]()  # type: ignore[assignment,misc]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "uuid"], name="principal_uuid_once"),
            models.UniqueConstraint(
                fields=["tenant", "realm", "kind", "external_id"], name="principal_once_per_realm"
            ),
            # A mailing list's mailbox must not make its reader the list.
            models.CheckConstraint(
                condition=Q(email="") | Q(kind="user"),
                name="principal_email_only_of_people",
            ),
        ]
        indexes = [
            models.Index(
                fields=["tenant", "email"],
                condition=Q(kind="user") & ~Q(email=""),
                name="principal_by_email",
            ),
            models.Index(
                fields=["tenant", "kind"],
                condition=Q(kind__in=["members", "everyone"]),
                name="principal_dynamic",
            ),
            models.Index(
                fields=["tenant"], condition=Q(members_known=False), name="principal_unknown"
            ),
        ]

    def __str__(self) -> str:
        return self.label or self.email or self.external_id

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store the principal under its opaque group name."""
        self.name = f"principal:{self.uuid}"
        super().save(*args, **kwargs)


class Edge(TenantModel):
    """Direct membership, as the source states it. Written by `membership` alone."""

    # PROTECT throughout: taking away a membership by a cascade can take away a denial with it.
    member = TenantForeignKey(
        Principal, db_index=False, on_delete=models.PROTECT, related_name="edges_up"
    )
    group = TenantForeignKey(
        Principal, db_index=False, on_delete=models.PROTECT, related_name="edges_down"
    )
    expires_at = models.DateTimeField(null=True)
    observed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "member", "group"], name="edge_once"),
            models.CheckConstraint(condition=~Q(member=F("group")), name="edge_not_to_itself"),
        ]
        indexes = [models.Index(fields=["tenant", "group", "member"], name="edge_by_group")]

    def __str__(self) -> str:
        return f"{self.member_id} in {self.group_id}"


class Closure(TenantModel):
    """Groups within groups, reflexive and transitive; `until` is the best path's worst edge.

    Derived from the edges between groups, never from people: nesting a group of 100,000 people
    writes a row for each group above, not for each person.
    """

    group = TenantForeignKey(Principal, db_index=False, on_delete=models.CASCADE, related_name="+")
    ancestor = TenantForeignKey(
        Principal, db_index=False, on_delete=models.CASCADE, related_name="+"
    )
    until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "group", "ancestor"], name="closure_once")
        ]
        indexes = [models.Index(fields=["tenant", "ancestor", "group"], name="closure_by_ancestor")]

    def __str__(self) -> str:
        return f"{self.group_id} within {self.ancestor_id}"


class Claim(TenantModel):
    """A person holds an identity of a source, from one time to another."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="claims"
    )
    principal = TenantForeignKey(
        Principal, db_index=False, on_delete=models.PROTECT, related_name="claims"
    )
    source = models.CharField(max_length=10, choices=ClaimSource)
    started_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "principal"],
                condition=Q(ended_at=None),
                name="claim_one_person_per_identity",
            )
        ]
        indexes = [
            models.Index(
                fields=["tenant", "user", "principal"],
                condition=Q(ended_at=None),
                name="claim_live_by_user",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} as {self.principal}"


class Acl(TenantModel):
    """Whom one place of a source lets read, or a list of readers that items share."""

    uuid = models.UUIDField(default=uuid.uuid4, editable=False)
    realm = models.CharField(max_length=200)
    external_id = models.CharField(max_length=500)
    label = models.CharField(max_length=2000, blank=True)
    form = models.CharField(max_length=10, choices=Form, default=Form.PLACE)
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


class AclEntry(GroupObjectPermissionBase, TenantModel):
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
    observed_at = models.DateTimeField(null=True)

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

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store the entry in its ACL's tenant, which guardian's own shortcuts do not name."""
        if self.tenant_id is None:
            self.tenant_id = self.content_object.tenant_id
        super().save(*args, **kwargs)


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
    # The policy's own count again, so that the readable set needs no join to find it.
    clause_count = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "policy", "clause", "acl"], name="policyclause_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["tenant", "acl"],
                include=["policy", "clause", "clause_count"],
                name="policyclause_by_acl",
            )
        ]

    def __str__(self) -> str:
        return f"{self.policy_id}/{self.clause}: {self.acl_id}"


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

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant"], name="placement_once")]

    def __str__(self) -> str:
        return str(self.incarnation)


class UserGroup(models.Model):
    """The identities a person holds and the groups they lead to: a view, behind `User.groups`."""

    pk = models.CompositePrimaryKey("user_id", "group_id")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False
    )
    group = models.ForeignKey(
        Group, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False
    )

    objects = DerivedQuerySet.as_manager()

    class Meta:
        managed = False
        db_table = "acls_user_group"

    def __str__(self) -> str:
        return f"{self.user_id} in {self.group_id}"
