"""Who is who in the sources: principals, who is in which group, and who holds which identity."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import F, Q

from apps.acls.derived import DerivedQuerySet
from apps.connections.protocol import PrincipalKind
from apps.tenants.fields import TenantForeignKey
from apps.tenants.models import TenantModel

# The kinds whose members are told by edges and that may stand inside one another.
NESTING_KINDS = (PrincipalKind.GROUP, PrincipalKind.DOMAIN)
# The kinds that a member is by belonging to the tenant; a guest is EVERYONE alone.
DYNAMIC_KINDS = (PrincipalKind.MEMBERS, PrincipalKind.EVERYONE)


class ClaimSource(models.TextChoices):
    """Why a person counts as an identity of a source."""

    EMAIL = "email", "Verified e-mail address"
    SSO = "sso", "Single sign-on"
    SCIM = "scim", "Directory (SCIM)"
    ALIAS = "alias", "Confirmed alias"
    ADMIN = "admin", "IT admin"
    OWN = "own", "Own connected account"


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


# Below, references carry no index of their own: the composite ones, tenant first, serve them.


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
    # The sync run (by uuid) that brought it; empty when a person did, or Kenward itself.
    brought_by = models.UUIDField(null=True, editable=False)

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
    address = models.CharField(
        max_length=254,
        blank=True,
        db_default="",
        help_text="By which address; empty where an admin said so.",
    )
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
            ),
            models.Index(
                fields=["tenant", "principal"],
                condition=Q(ended_at__isnull=False),
                name="claim_ended_by_principal",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} as {self.principal}"


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
