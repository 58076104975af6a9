"""The pages of collections, and the forms that put documents into them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.acls import sharing
from apps.documents import collections, collections_contents, page_numbers
from apps.documents.collection_models import Collection
from apps.errors import InvalidInput, NotFound

# As many as the search page lists, and more than anybody ticks.
_ADDED_AT_ONCE = 100
_MOST_PAGES = 10_000


@require_http_methods(["GET", "POST"])
@cache_control(private=True, no_store=True)
def index(request: HttpRequest) -> HttpResponse:
    """List the collections that a person may open, and make new ones."""
    if request.method == "POST":
        made = _create(request)
        if made is not None:
            return HttpResponseRedirect(reverse("collections:collection", args=[made.uuid]))
        return HttpResponseRedirect(reverse("collections:index"))
    context = {"collections": list(collections.of(_user(request)))}
    return render(request, "collections/index.html", context)


@require_GET
@cache_control(private=True, no_store=True)
def collection(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Show a collection: what of it the person may read now, in the order of adding."""
    found = _find(request, uuid)
    level = sharing.level_of(_user(request), found)
    page = page_numbers.asked(request, "page", most=_MOST_PAGES)
    oldest_first = request.GET.get("order") == "oldest"
    shown = collections_contents.contents(
        _user(request), found, page=page, oldest_first=oldest_first
    )
    context = {
        "collection": found,
        "items": shown.items,
        "has_more": shown.has_more,
        "page": page,
        "oldest_first": oldest_first,
        "is_owner": found.owner_id == request.user.pk,
        "may_change": level is not None and level.name in ("change", "share"),
        "may_share": level is not None and level.name == "share",
    }
    return render(request, "collections/collection.html", context)


@require_POST
def change(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Rename a collection and describe it anew."""
    found = _find(request, uuid, collections.CHANGE)
    name, description = request.POST.get("name", ""), request.POST.get("description", "")
    try:
        collections.rename(found, name=name, description=description, actor=_user(request))
    except InvalidInput as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(reverse("collections:collection", args=[uuid]))


@require_POST
def delete(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Delete a collection."""
    found = _find(request, uuid)
    try:
        collections.delete(found, actor=_user(request))
    except NotFound as error:
        raise Http404(error.message) from error
    messages.success(request, "The collection is deleted. Its documents are where they were.")
    return HttpResponseRedirect(reverse("collections:index"))


@require_POST
def remove(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Take a document out of a collection."""
    found = _find(request, uuid, collections.CHANGE)
    document = _uuid(request.POST.get("document", ""))
    try:
        if document is None:
            raise NotFound("There is no such document.")
        collections.remove(found, document, actor=_user(request))
    except NotFound as error:
        raise Http404(error.message) from error
    messages.success(request, "The document is not in this collection any more.")
    return HttpResponseRedirect(reverse("collections:collection", args=[uuid]))


@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """Put the chosen documents into a collection, an existing or a new one, and go back."""
    told = [_uuid(each) for each in request.POST.getlist("document")[:_ADDED_AT_ONCE]]
    documents = [each for each in told if each is not None]
    chosen = _uuid(request.POST.get("collection", ""))
    target: Collection | None = None
    if not documents:
        messages.warning(request, "Choose at least one document first.")
    elif chosen is not None:
        target = _find(request, chosen, collections.CHANGE)
    else:
        target = _create(request)
    if target is not None:
        _tell(request, target, _add(request, target, documents))
    return HttpResponseRedirect(_back(request))


def _add(request: HttpRequest, target: Collection, documents: Sequence[UUID]) -> collections.Added:
    try:
        return collections.add_all(target, documents, actor=_user(request))
    except NotFound as error:  # taken away between two statements
        raise Http404(error.message) from error


def _tell(request: HttpRequest, target: Collection, added: collections.Added) -> None:
    if added.new:
        what = "1 document" if added.new == 1 else f"{added.new} documents"
        messages.success(request, f"Added {what} to “{target.name}”.")
    elif added.there:
        messages.info(request, f"That is in “{target.name}” already.")
    if added.refused:
        messages.warning(request, "What you may not read, or what is gone, was not added.")


def _create(request: HttpRequest) -> Collection | None:
    name, description = request.POST.get("name", ""), request.POST.get("description", "")
    try:
        return collections.create(name=name, description=description, owner=_user(request))
    except InvalidInput as error:
        messages.error(request, str(error))
    except NotFound as error:
        raise Http404(error.message) from error
    return None


def _find(request: HttpRequest, uuid: UUID, codename: str = collections.VIEW) -> Collection:
    try:
        return collections.find(_user(request), uuid, codename)
    except NotFound as error:
        raise Http404(error.message) from error


def _back(request: HttpRequest) -> str:
    """Return the page that the form stood on; only a page of this site counts."""
    asked = request.POST.get("next", "")
    is_ours = asked.startswith("/") and url_has_allowed_host_and_scheme(asked, allowed_hosts=None)
    return asked if is_ours else reverse("collections:index")


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _user(request: HttpRequest) -> Any:
    return request.user  # nobody anonymous gets here: LoginRequiredMiddleware
