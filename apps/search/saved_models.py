"""Searches that a person keeps, and those that they made last. Nothing of a document is in them."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from apps.tenants.models import TenantModel


class SavedSearch(TenantModel):
    """A question with its filters, under a name, of one person and seen by nobody else."""

    uuid = models.UUIDField(default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, db_index=False, on_delete=models.PROTECT, related_name="+"
    )
    name = models.CharField(max_length=200)
    query = models.CharField(max_length=2000, blank=True)
    # The filters as they stand in the page's address: {"kind": ["pdf"], …}. They are looked up
    # anew each time, so one that names something that is gone, or hidden, is ignored.
    filters = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "uuid"], name="savedsearch_uuid_once"),
            models.UniqueConstraint(
                fields=["tenant", "owner", "name"], name="savedsearch_name_once"
            ),
        ]

    def __str__(self) -> str:
        return str(self.uuid)


class RecentSearch(TenantModel):
    """A question that a person asked lately; the oldest make room (`recent_searches`)."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, db_index=False, on_delete=models.PROTECT, related_name="+"
    )
    query = models.CharField(max_length=200)
    searched_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "owner", "query"], name="recentsearch_query_once"
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)
