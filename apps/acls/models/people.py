"""What is known about people's addresses beside their own word, and what an admin has decided."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from apps.acls.models.identities import Principal
from apps.tenants.fields import TenantForeignKey
from apps.tenants.models import TenantModel


class DirectoryIdentity(TenantModel):
    """The tenant's directory says that an address is a person's. Written by `claims` alone."""

    class Source(models.TextChoices):
        """By which way the directory said so."""

        SSO = "sso", "Single sign-on"
        SCIM = "scim", "Directory (SCIM)"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="directory_identities"
    )
    address = models.CharField(max_length=254)
    source = models.CharField(max_length=10, choices=Source)
    is_active = models.BooleanField(
        default=True, help_text="False: the directory has taken the address from this person."
    )
    observed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "address", "user", "source"], name="directoryidentity_once"
            ),
            models.CheckConstraint(
                condition=Q(address=Lower("address")), name="directoryidentity_in_lower_case"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.address} by {self.source}"


class ConfirmedAlias(TenantModel):
    """An IT admin says that an address, outside managed domains, is a member's."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="confirmed_aliases"
    )
    address = models.EmailField(max_length=254)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "confirmed address"
        verbose_name_plural = "confirmed addresses"
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "address"],
                condition=Q(ended_at=None),
                name="confirmedalias_of_one_person",
            ),
            models.CheckConstraint(
                condition=Q(address=Lower("address")), name="confirmedalias_in_lower_case"
            ),
        ]

    def __str__(self) -> str:
        return self.address


class KeptApart(TenantModel):
    """An IT admin says that an identity is not this person, whatever the addresses say."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="kept_apart"
    )
    principal = TenantForeignKey(
        Principal, db_index=False, on_delete=models.PROTECT, related_name="kept_apart"
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "kept apart"
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "principal", "user"],
                condition=Q(ended_at=None),
                name="keptapart_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.principal_id} is not {self.user_id}"


class Person(Principal):
    """A principal of kind user, for the page that matches identities with members."""

    class Meta:
        proxy = True
        verbose_name = "identity"
        verbose_name_plural = "identities"
        default_permissions = ("view", "change")
