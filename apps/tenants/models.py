"""Tenants and who belongs to them."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.core.validators import validate_slug
from django.db import models

from apps.tenants.context import required_tenant_id


class Tenant(models.Model):
    """A company. The only table about tenants that is not itself per tenant."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    slug = models.CharField(max_length=63, unique=True, validators=[validate_slug])
    name = models.CharField(max_length=200)
    is_active = models.BooleanField(default=True)
    history_days = models.PositiveIntegerField(
        "permission history (days)",
        default=365,
        help_text="How long it can be told who could read what.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class TenantModel(models.Model):
    """A row that belongs to one tenant and is invisible outside its context."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+", editable=False)

    class Meta:
        abstract = True


class Role(models.TextChoices):
    """What a member does in a tenant."""

    MEMBER = "member", "Member"
    IT_ADMIN = "it_admin", "IT admin"
    AUDITOR = "auditor", "Auditor"
    INTEGRATOR = "integrator", "Integrator"


class MembershipQuerySet(models.QuerySet["Membership"]):
    """Finds memberships."""

    def usable(self) -> MembershipQuerySet:
        """Return memberships that let a person in: both they and the tenant are active."""
        return self.filter(is_active=True, tenant__is_active=True, user__is_active=True)

    def department_of(self, user_id: int) -> str:
        """Return the department of a person in the bound tenant; empty where none is known."""
        found = self.filter(tenant_id=required_tenant_id(), user_id=user_id)
        return found.values_list("department", flat=True).first() or ""


class Membership(TenantModel):
    """A person in a tenant, with a role.

    Row-level security shows a row in its tenant's context and, by a second policy, to the person
    whom it is about.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="memberships"
    )
    role = models.CharField(max_length=20, choices=Role, default=Role.MEMBER)
    is_active = models.BooleanField(default=True)
    is_guest = models.BooleanField(
        default=False, help_text="A guest is not among “all members” of a document's readers."
    )
    department = models.CharField(
        max_length=100,
        blank=True,
        db_default="",
        help_text="A hint for the search, where the search settings use it. It grants nothing.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "user"], name="membership_once_per_tenant")
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.get_role_display()})"


class ManagedDomain(TenantModel):
    """A mail domain whose addresses the tenant's own directory gives out, and takes back.

    In it an address counts only from the directory (single sign-on, SCIM), in this tenant alone:
    nobody has proved that the domain is theirs, so it says nothing to other tenants.
    """

    domain = models.CharField(max_length=253, help_text="As DNS knows it, in lower case.")
    # The same with its own letters, since addresses come in either way.
    unicode_domain = models.CharField(max_length=253, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "managed domain"
        constraints = [
            models.UniqueConstraint(fields=["tenant", "domain"], name="manageddomain_once")
        ]

    def __str__(self) -> str:
        return self.unicode_domain
