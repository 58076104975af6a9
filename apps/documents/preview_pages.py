"""Pages of the admin about who may read what: a member's preview, and “What would change if”."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import ModelAdmin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from apps import audit
from apps.documents import impact_pages, preview
from apps.tenants.context import required_tenant_id
from apps.tenants.models import Membership


def urls(of: ModelAdmin[Any]) -> list[URLPattern]:
    """Return the addresses of the pages, below those of the documents' list."""
    site = of.admin_site

    def preview_page(request: HttpRequest, pk: int) -> HttpResponse:
        return previewed(request, pk, {**site.each_context(request), "opts": of.opts})

    def whatif_page(request: HttpRequest) -> HttpResponse:
        return impact_pages.whatif(request, {**site.each_context(request), "opts": of.opts})

    return [
        path("preview/<int:pk>/", site.admin_view(preview_page), name="documents_preview"),
        path("whatif/", site.admin_view(whatif_page), name="documents_whatif"),
    ]


def previewed(request: HttpRequest, pk: int, page: dict[str, Any]) -> HttpResponse:
    """Show what a member may read now: counts, paths and ids. Each look is recorded.

    Args:
        request: of somebody whom the admin has let in; `q` is a part of a path, `p` the page.
        pk: of the membership.
        page: what every page of the admin shows.
    """
    impact_pages.require_permissions(request, "documents.view_document", "tenants.view_membership")
    member = get_object_or_404(
        Membership.objects.select_related("user"), pk=pk, tenant_id=required_tenant_id()
    )
    part, number = request.GET.get("q", "").strip()[:500], request.GET.get("p", "1")
    asked = min(int(number), _last_page(preview.COUNTED_AT_MOST)) if _is_page(number) else 1
    found = preview.of(member.user, part=part, page=asked)
    audit.record(
        "permissions.previewed",
        tenant_id=member.tenant_id,
        actor_id=request.user.pk,
        target=member,
        user_id=member.user_id,
    )
    last = _last_page(found.found)
    context = {
        **page,
        "title": f"What {member.user.email} may read",
        "member": member,
        "preview": found,
        "part": part,
        "number": asked,
        "last": last,
        "is_cut_off": found.found >= preview.COUNTED_AT_MOST,
    }
    return TemplateResponse(request, "admin/preview/preview.html", context)


def _is_page(number: str) -> bool:
    return number.isascii() and number.isdigit() and 0 < len(number) < 7 and int(number) > 0


def _last_page(count: int) -> int:
    return max(1, -(-count // preview.PAGE_SIZE))
