"""The search page."""

from __future__ import annotations

import logging
import time
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET

from apps.accounts.models import User
from apps.acls import resolve
from apps.acls.errors import NoMembership
from apps.documents import collections, live
from apps.documents.scope import Scope
from apps.errors import Unavailable
from apps.search import results, retrieve
from apps.search.embedding import EmbeddingMismatch
from apps.search.release import Passage
from apps.search.retrieve import QueryTooLong

logger = logging.getLogger(__name__)

_PASSAGES = 30


@require_GET
@cache_control(private=True, no_store=True)
def search(request: HttpRequest) -> HttpResponse:
    """Show what the person may read about the question in `q`."""
    query = request.GET.get("q", "").strip()
    context = {
        "query": query,
        "results": [],
        "count": 0,
        "took_ms": None,
        "collections": collections.offered(request),
        **_answer(request, query),
    }
    return render(request, "search/search.html", context)


def _answer(request: HttpRequest, query: str) -> dict[str, Any]:
    if not query:
        return {"state": "start"}
    started = time.perf_counter()
    try:
        found = _passages(request, query)
    except QueryTooLong:
        return {"state": "too_long", "query": query[: retrieve.MAX_QUERY_CHARS]}
    except (Unavailable, EmbeddingMismatch) as error:
        logger.warning("search failed: %s %s", error, error.detail)
        return {"state": "unavailable"}
    listed = results.results(retrieve.clean(query), found)
    return {
        "state": "found" if listed else "nothing",
        "results": listed,
        "count": len(listed),
        "took_ms": round((time.perf_counter() - started) * 1000),
    }


def _passages(request: HttpRequest, query: str) -> tuple[Passage, ...]:
    def run(scope: Scope) -> tuple[bool, tuple[Passage, ...]]:
        retrieved = retrieve.retrieve(query, scope, _PASSAGES)
        return retrieved.ok, retrieved.passages

    user: User = request.user  # type: ignore[assignment]  # login required
    try:
        found = resolve.reading(user, run)
    except NoMembership:  # an operator who entered the tenant reads nothing of it
        return ()
    allowed = live.permitted(user, ((one.document_id, one.asks) for one in found))
    return tuple(passage for passage in found if passage.document_id in allowed)
