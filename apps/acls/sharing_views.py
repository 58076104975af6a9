"""The sharing page: who has an object, giving it to a person or a group, and taking it away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from apps.accounts.signed_in import person
from apps.acls import sharing, sharing_kinds, sharing_search
from apps.acls.errors import CannotShare
from apps.acls.sharing import Share
from apps.acls.sharing_kinds import Shareable
from apps.acls.sharing_search import Candidate
from apps.errors import NotFound
from apps.tenants.context import required_tenant_id


@dataclass(frozen=True, slots=True)
class ShareView:
    """A share with how the page names its recipient."""

    share: Share
    who: Candidate


@require_http_methods(["GET", "POST"])
def share(request: HttpRequest, kind: str, uuid: UUID) -> HttpResponse:
    """Show who has an object, and change it. Only who may share it learns that it exists."""
    try:
        shareable = sharing_kinds.named(kind)
        shared = _shared(request, shareable, uuid)
        if request.method == "POST":
            _act(request, shared)
            return HttpResponseRedirect(reverse("sharing:share", args=[kind, uuid]))
    except NotFound as error:
        raise Http404(error.message) from error
    response = render(request, "sharing/share.html", _context(request, shareable, shared))
    response["Cache-Control"] = "private, no-store"
    return response


def _shared(request: HttpRequest, shareable: Shareable, uuid: UUID) -> Any:
    found = shareable.model._default_manager.filter(tenant_id=required_tenant_id(), uuid=uuid)
    shared = found.first()
    if shared is None or not shareable.may_share(person(request), shared):
        raise NotFound("There is no such page, or you may not share it.")
    return shared


def _act(request: HttpRequest, shared: Any) -> None:
    """Do what the form asks for, and say what came of it."""
    user = person(request)
    key = request.POST.get("recipient", "")
    recipient = sharing_search.chosen(user, key, sharing.shared_with(shared))
    name = sharing_search.candidates(user, [recipient])[0].name
    try:
        if request.POST.get("act") == "revoke":
            is_changed = sharing.revoke(shared, recipient, actor=user)
            said = f"{name} does not have it any more."
        else:
            level = request.POST.get("level", "")
            is_changed = sharing.grant(shared, recipient, level, actor=user)
            said = f"Shared with {name}."
    except CannotShare as error:
        messages.error(request, str(error))
    else:
        messages.success(request, said if is_changed else "That was so already.")


def _context(request: HttpRequest, shareable: Shareable, shared: Any) -> dict[str, Any]:
    query = request.GET.get("q", "").strip()
    shares = sharing.shared_with(shared)
    user = person(request)
    named = sharing_search.candidates(user, [each.recipient for each in shares])
    has_it = {each.key for each in named}
    found = sharing_search.search(user, query)
    return {
        "kind": shareable,
        "shared": shared,
        "address": shareable.address(shared),
        "shares": [ShareView(each, who) for each, who in zip(shares, named, strict=True)],
        "query": query,
        "is_too_short": 0 < len(query) < sharing_search.LEAST_LETTERS,
        "found": [each for each in found if each.key not in has_it],
        "known": [each for each in found if each.key in has_it],
    }
