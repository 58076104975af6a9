"""Guardian's permission rows as tenant tables: what a person or a group may do with one object.

A model with object permissions gets one table of each kind, whose `content_object` refers to it.
Guardian's generic tables know no tenant and stay empty (acls' migration 0009 sees to it).
"""

from __future__ import annotations

from typing import Any, ClassVar

from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase

from apps.tenants.models import TenantModel


class TenantUserPermission(UserObjectPermissionBase, TenantModel):
    """A member of the tenant has one permission on one object."""

    class Meta:
        abstract = True
        unique_together: ClassVar[list[str]] = []  # guardian's own leaves the tenant out

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store the row in its object's tenant, which guardian's own shortcuts do not name."""
        if self.tenant_id is None:
            self.tenant_id = self.content_object.tenant_id
        super().save(*args, **kwargs)


class TenantGroupPermission(GroupObjectPermissionBase, TenantModel):
    """Whoever is in a group, as a source names it, has one permission on one object."""

    class Meta:
        abstract = True
        unique_together: ClassVar[list[str]] = []

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store the row in its object's tenant, which guardian's own shortcuts do not name."""
        if self.tenant_id is None:
            self.tenant_id = self.content_object.tenant_id
        super().save(*args, **kwargs)
