"""Collections: lists of documents that people keep and share. They never open a document."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from apps.tenants.fields import TenantForeignKey
from apps.tenants.models import TenantModel
from apps.tenants.object_permissions import TenantGroupPermission, TenantUserPermission


class Collection(TenantModel):
    """A named list of documents. Whoever opens it sees those that they may read anyway."""

    uuid = models.UUIDField(default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    description = models.CharField(max_length=1000, blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, db_index=False, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        # Beside Django's own view_ and change_collection.
        permissions = [("share_collection", "Can share the collection")]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "uuid"], name="collection_uuid_once")
        ]
        indexes = [models.Index(fields=["tenant", "owner"], name="collection_by_owner")]

    def __str__(self) -> str:
        return self.name


class CollectionItem(TenantModel):
    """A document stands in a collection."""

    collection = TenantForeignKey(
        Collection, db_index=False, on_delete=models.CASCADE, related_name="items"
    )
    document = TenantForeignKey(
        "documents.Document", db_index=False, on_delete=models.CASCADE, related_name="+"
    )
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, db_index=False, on_delete=models.PROTECT, related_name="+"
    )
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "collection", "document"], name="collectionitem_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["tenant", "collection", "added_at"], name="collectionitem_by_time"
            ),
            models.Index(fields=["tenant", "document"], name="collectionitem_by_document"),
        ]

    def __str__(self) -> str:
        return f"{self.document_id} in {self.collection_id}"


class CollectionUserPermission(TenantUserPermission):
    """A member may open, change or share one collection."""

    content_object = TenantForeignKey(
        Collection, db_index=False, on_delete=models.CASCADE, related_name="user_permissions"
    )

    class Meta(TenantUserPermission.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "content_object", "user", "permission"],
                name="collectionuserperm_once",
            )
        ]
        indexes = [models.Index(fields=["tenant", "user"], name="collectionuserperm_by_user")]


class CollectionGroupPermission(TenantGroupPermission):
    """Whoever is in a group may open, change or share one collection."""

    content_object = TenantForeignKey(
        Collection, db_index=False, on_delete=models.CASCADE, related_name="group_permissions"
    )

    class Meta(TenantGroupPermission.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "content_object", "group", "permission"],
                name="collectiongroupperm_once",
            )
        ]
        indexes = [models.Index(fields=["tenant", "group"], name="collectiongroupperm_by_group")]
