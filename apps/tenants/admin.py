"""Tenants, as a platform operator sees them. Members are in `acls.admin`: they carry claims."""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from typing_extensions import override

from apps.audit.model_admin import OperatorAdmin
from apps.tenants.context import tenant_context
from apps.tenants.models import Tenant


@admin.register(Tenant)
class TenantAdmin(OperatorAdmin):
    """Adds and closes tenants."""

    page_title = "Organisations"
    list_display = ("name", "slug", "is_active", "created_at")
    list_filter = ("is_active",)
    search_fields = ("name", "slug")
    fields = ("name", "slug", "is_active")

    @override
    def get_readonly_fields(
        self, request: HttpRequest, obj: Tenant | None = None
    ) -> tuple[str, ...]:
        """Return the slug once it is given: folders and commands name it."""
        return ("slug",) if obj else ()

    @override
    def trail_of(self, obj: models.Model) -> Iterator[int]:
        """Yield the tenant in question, which need not be the one that was entered."""
        with tenant_context(obj.pk):
            yield obj.pk
