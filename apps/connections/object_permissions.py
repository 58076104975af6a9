"""Who, beside the IT admins, looks after one connection: guardian's rows on connections.

The codenames are Django's own `view_connection` and `change_connection`. `acls.sharing` writes the
rows; they say nothing about reading documents.
"""

from __future__ import annotations

from django.db import models

from apps.tenants.fields import TenantForeignKey
from apps.tenants.object_permissions import TenantGroupPermission, TenantUserPermission


class ConnectionUserPermission(TenantUserPermission):
    """A member may see, or act on, one connection."""

    content_object = TenantForeignKey(
        "connections.Connection",
        db_index=False,
        on_delete=models.CASCADE,
        related_name="user_permissions",
    )

    class Meta(TenantUserPermission.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "content_object", "user", "permission"],
                name="connectionuserperm_once",
            )
        ]
        indexes = [models.Index(fields=["tenant", "user"], name="connectionuserperm_by_user")]


class ConnectionGroupPermission(TenantGroupPermission):
    """Whoever is in a group may see, or act on, one connection."""

    content_object = TenantForeignKey(
        "connections.Connection",
        db_index=False,
        on_delete=models.CASCADE,
        related_name="group_permissions",
    )

    class Meta(TenantGroupPermission.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "content_object", "group", "permission"],
                name="connectiongroupperm_once",
            )
        ]
        indexes = [models.Index(fields=["tenant", "group"], name="connectiongroupperm_by_group")]
