"""Where the admin's pages about who may read what stand: below the list of documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.admin import ModelAdmin
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path

from apps.documents import explain_admin, history_admin, impact_pages, preview_pages

View = Callable[..., HttpResponseBase]


def urls(of: ModelAdmin[Any]) -> list[URLPattern]:
    """Return the addresses of the pages.

    Args:
        of: the admin of documents. Each page is called with the request, what every page of the
            admin shows, and what its address names.
    """
    site = of.admin_site

    def framed(page: View) -> View:
        def view(request: HttpRequest, **named: Any) -> HttpResponseBase:
            return page(request, {**site.each_context(request), "opts": of.opts}, **named)

        return site.admin_view(view)

    return [
        path("preview/<int:pk>/", framed(preview_pages.page), name="documents_preview"),
        path("whatif/", framed(impact_pages.page), name="documents_whatif"),
        path("why/", framed(explain_admin.page), name="documents_why"),
        path("history-kept/", framed(history_admin.page), name="documents_history_kept"),
    ]
