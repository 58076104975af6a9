"""The page of a person's saved searches, and its forms."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.models import User
from apps.errors import InvalidInput, NotFound
from apps.search.page import asked, recent_searches, saved_searches
from apps.search.saved_models import SavedSearch


@require_http_methods(["GET", "POST"])
@cache_control(private=True, no_store=True)
def saved(request: HttpRequest) -> HttpResponse:
    """List a person's searches; keep another one."""
    if request.method == "POST":
        return _save(request)
    mine = [(one, saved_searches.address(one)) for one in saved_searches.of(_user(request))]
    context = {"saved": mine, "recent": recent_searches.of(_user(request))}
    return render(request, "search/saved.html", context)


@require_POST
def rename(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Give a search another name."""
    found = _find(request, uuid)
    try:
        saved_searches.rename(found, name=request.POST.get("name", ""), actor=_user(request))
    except InvalidInput as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(reverse("search:saved"))


@require_POST
def delete(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Delete a search."""
    saved_searches.delete(_find(request, uuid), actor=_user(request))
    messages.success(request, "The saved search is deleted.")
    return HttpResponseRedirect(reverse("search:saved"))


@require_POST
def forget(request: HttpRequest) -> HttpResponse:
    """Forget the questions asked lately."""
    recent_searches.clear(actor=_user(request))
    messages.success(request, "Your recent searches are forgotten.")
    return HttpResponseRedirect(reverse("search:saved"))


def _save(request: HttpRequest) -> HttpResponse:
    """Keep the search whose address the form carries, and go back to it."""
    address = QueryDict(request.POST.get("address", "")[:8_000])
    filters = asked.told_filters(address)
    if plain := address.getlist("plain")[:20]:
        filters["plain"] = plain
    query = " ".join(address.get("q", "").replace("\0", " ").split())
    name = request.POST.get("name", "") or query[:200]
    try:
        kept = saved_searches.save(name=name, query=query, filters=filters, actor=_user(request))
    except InvalidInput as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(f"{reverse('search:search')}?{address.urlencode()}")
    except NotFound as error:
        raise Http404(error.message) from error
    messages.success(request, f"Saved as “{kept.name}”.")
    return HttpResponseRedirect(saved_searches.address(kept))


def _find(request: HttpRequest, uuid: UUID) -> SavedSearch:
    try:
        return saved_searches.find(_user(request), uuid)
    except NotFound as error:
        raise Http404(error.message) from error


def _user(request: HttpRequest) -> User:
    return request.user  # type: ignore[return-value]  # login required
