"""The admin's page of what a member may read now: counts, paths and ids."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse

from apps import audit
from apps.documents import page_numbers, page_permissions, preview
from apps.tenants.context import required_tenant_id
from apps.tenants.models import Membership


def page(request: HttpRequest, context: dict[str, Any], pk: int) -> HttpResponse:
    """Show what a member may read now. Each look is recorded.

    Args:
        request: of somebody whom the admin has let in; `q` is a part of a path, `p` the page.
        context: what every page of the admin shows.
        pk: of the membership.
    """
    page_permissions.require(request, "documents.view_document", "tenants.view_membership")
    member = get_object_or_404(
        Membership.objects.select_related("user"), pk=pk, tenant_id=required_tenant_id()
    )
    part = request.GET.get("q", "").strip()[:500]
    number = page_numbers.asked(request, "p", most=_last_page(preview.COUNTED_AT_MOST))
    found = preview.of(member.user, part=part, page=number)
    audit.record(
        "permissions.previewed",
        tenant_id=member.tenant_id,
        actor_id=request.user.pk,
        target=member,
        user_id=member.user_id,
    )
    context |= {
        "title": f"What {member.user.get_full_name()} may read",
        "member": member,
        "preview": found,
        "part": part,
        "number": number,
        "last": _last_page(found.found),
        "is_cut_off": found.found >= preview.COUNTED_AT_MOST,
    }
    return TemplateResponse(request, "admin/preview/preview.html", context)


def _last_page(count: int) -> int:
    return max(1, -(-count // preview.PAGE_SIZE))
