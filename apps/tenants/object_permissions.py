"""Guardian's permission rows as tenant tables: what a person or a group may do with one object.

A model with object permissions gets one table of each kind, whose `content_object` refers to it.
Guardian's generic tables know no tenant and stay empty (acls' migration 0009 sees to it).
"""

from __future__ import annotations

from typing import Any, ClassVar

from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase

from apps.tenants.models import TenantModel


class TenantObjectPermission(TenantModel):
    """A permission row of guardian's in the tenant of the object that it is about."""

    content_object: Any  # each table's own reference

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store the row in its object's tenant, which guardian's own shortcuts do not name."""
        if self.tenant_id is None:
            self.tenant_id = self.content_object.tenant_id
        super().save(*args, **kwargs)


class TenantUserPermission(UserObjectPermissionBase, TenantObjectPermission):
    """A member of the tenant has one permission on one object."""

    class Meta:
        abstract = True
        unique_together: ClassVar[list[str]] = []  # guardian's own leaves the tenant out


class TenantGroupPermission(GroupObjectPermissionBase, TenantObjectPermission):
    """Whoever is in a group, as a source names it, has one permission on one object."""

    class Meta:
        abstract = True
        unique_together: ClassVar[list[str]] = []
