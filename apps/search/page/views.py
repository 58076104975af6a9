"""The search page, what its box suggests, and documents like another."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET

from apps.accounts.models import User
from apps.acls import resolve
from apps.acls.errors import NoMembership
from apps.documents import access, collections, live
from apps.documents.scope import Scope
from apps.errors import NotFound, Unavailable
from apps.search import retrieve, stages
from apps.search.embeddings.embedding import EmbeddingMismatch
from apps.search.filters import Filters
from apps.search.page import (
    asked,
    browse,
    facets,
    nothing_found,
    recent_searches,
    results,
    saved_searches,
    similar,
    suggestions,
)
from apps.search.page.asked import Asked
from apps.search.release import Passage
from apps.search.retrieve import QueryTooLong
from apps.search.understanding import spelling

logger = logging.getLogger(__name__)

_PASSAGES = 30
_LISTED = 30
_LIKE = 12
_LONGEST_TYPED = 100
_RECENT_SHOWN = 5


@require_GET
@cache_control(private=True, no_store=True)
def search(request: HttpRequest) -> HttpResponse:
    """Show what the person may read about the question in `q`, within the filters beside it."""
    used = stages.of_tenant()
    question = asked.read(request, in_words=used.filters_in_words)
    answer = _answer(request, question, is_tolerant=used.typo_tolerance)
    context = {
        "query": question.query,
        "asked": question,
        "results": [],
        "count": 0,
        "took_ms": None,
        "facets": None,
        "collections": collections.offered(request),
        "may_save": getattr(request, "membership", None) is not None,
        "address": request.GET.urlencode(),
        **answer,
    }
    return render(request, "search/search.html", context)


@require_GET
@cache_control(private=True, no_store=True)
def suggest(request: HttpRequest) -> JsonResponse:
    """Return what the box offers below the words in `q`."""
    typed = request.GET.get("q", "")[:_LONGEST_TYPED]
    found = suggestions.suggest(_user(request), typed)
    told = [
        {"kind": one.kind, "label": one.label, "detail": one.detail, "url": one.url}
        for one in found
    ]
    return JsonResponse({"suggestions": told})


@require_GET
@cache_control(private=True, no_store=True)
def like(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Show documents like another one, which the person may read as well."""
    user = _user(request)
    try:
        document = access.document_for(user, uuid)
    except NotFound as error:
        raise Http404(error.message) from error
    found = similar.like(user, document.id, _LIKE)
    context = {"document": document, "results": results.results("", found)}
    return render(request, "search/like.html", context)


def _answer(request: HttpRequest, question: Asked, *, is_tolerant: bool) -> Mapping[str, Any]:
    if not question.text:
        return _without_words(request, question)
    started = time.perf_counter()
    look = _Look(_user(request), question)
    try:
        text, passages, corrected = look.for_words(
            is_tolerant=is_tolerant and "exact" not in request.GET
        )
        if not passages:
            return {"corrected": corrected, **look.nothing(text)}
    except QueryTooLong:
        return {"state": "too_long", "query": question.query[: retrieve.MAX_QUERY_CHARS]}
    except (Unavailable, EmbeddingMismatch) as error:
        logger.warning("search failed: %s %s", error, error.detail)
        return {"state": "unavailable"}
    listed = results.results(retrieve.clean(text), passages)
    took_ms = round((time.perf_counter() - started) * 1000)
    recent_searches.note(_user(request), question.query)
    ids = {passage.document_id for passage in passages}
    return {
        "state": "found",
        "results": listed,
        "count": len(listed),
        "took_ms": took_ms,
        "corrected": corrected,
        "facets": facets.among(_user(request), ids, today=question.today),
    }


def _without_words(request: HttpRequest, question: Asked) -> Mapping[str, Any]:
    """List by filters alone; without any, begin."""
    user = _user(request)
    context: dict[str, Any] = {
        "facets": facets.of_all(user, question.filters, today=question.today),
        "saved": [
            {"name": one.name, "url": saved_searches.address(one)}
            for one in saved_searches.of(user)
        ],
        "recent": recent_searches.of(user)[:_RECENT_SHOWN],
    }
    if not question.filters:
        return {"state": "start", **context}
    found = results.listed(browse.latest(user, question.filters, _LISTED))
    if not found:
        return _Look(user, question).nothing("")
    return {"state": "listed", "results": found, "count": len(found), **context}


@dataclass(frozen=True, slots=True)
class _Look:
    """One look for one question."""

    user: User
    question: Asked

    def for_words(
        self, *, is_tolerant: bool
    ) -> tuple[str, tuple[Passage, ...], spelling.Corrected | None]:
        """Return the words that were searched for, what was found, and what was corrected."""
        text = self.question.text
        if len(text) > retrieve.MAX_QUERY_CHARS:
            raise QueryTooLong("The question is too long.")
        corrected = spelling.corrected(self.user, text) if is_tolerant else None
        if corrected is not None:
            text = corrected.text
        return text, self.passages(text, self.question.filters), corrected

    def passages(self, text: str, filters: Filters) -> tuple[Passage, ...]:
        """Return the passages that the person may be shown."""

        def run(scope: Scope) -> tuple[bool, tuple[Passage, ...]]:
            retrieved = retrieve.retrieve(text, scope, _PASSAGES, filters=filters)
            return retrieved.ok, retrieved.passages

        try:
            found = resolve.reading(self.user, run)
        except NoMembership:  # an operator who entered the tenant reads nothing of it
            return ()
        allowed = live.permitted(self.user, ((one.document_id, one.asks) for one in found))
        return tuple(passage for passage in found if passage.document_id in allowed)

    def nothing(self, text: str) -> Mapping[str, Any]:
        """Say that there is nothing, and what would find something."""

        def count(filters: Filters) -> int:
            if not text:
                return len(browse.latest(self.user, filters, _LISTED)) if filters else 0
            return len({one.document_id for one in self.passages(text, filters)})

        help_ = nothing_found.advice(self.user, self.question.filters, count)
        without = [
            {"what": one.what, "count": one.count, "address": self.question.without(one.fields)}
            for one in help_.without
        ]
        return {"state": "nothing", "help": help_, "without": without}


def _user(request: HttpRequest) -> User:
    return request.user  # type: ignore[return-value]  # login required
