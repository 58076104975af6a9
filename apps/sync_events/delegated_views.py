"""“Sources shared with you”: how each is doing, and the three acts of a delegate."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_POST

from apps.connections import change
from apps.connections.models import Connection
from apps.errors import NotFound
from apps.sync_events import by_hand, delegated


@require_GET
@cache_control(private=True, no_store=True)
def index(request: HttpRequest) -> HttpResponse:
    """List the connections that were handed to this person."""
    return render(request, "sharing/sources.html", {"sources": delegated.of(_user(request))})


@require_POST
def sync(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Compare everything with the source now."""
    source = _changeable(request, uuid)
    if by_hand.sync_now(source, actor_id=_user(request).pk):
        messages.success(request, f"“{source.name}” is being compared with its source now.")
    else:
        messages.warning(request, f"“{source.name}” is not synced just now: resume it first.")
    return HttpResponseRedirect(reverse("sources:index"))


@require_POST
def pause(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Stop syncing."""
    source = _changeable(request, uuid)
    if change.pause_as_delegate(connection=source, actor=_user(request)):
        messages.success(request, f"“{source.name}” is paused.")
    else:
        messages.info(request, "That was so already.")
    return HttpResponseRedirect(reverse("sources:index"))


@require_POST
def resume(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Sync again what was paused here."""
    source = _changeable(request, uuid)
    if change.resume_as_delegate(connection=source, actor=_user(request)):
        messages.success(request, f"“{source.name}” is synced again.")
    else:
        messages.warning(request, f"“{source.name}” is not for you to resume: ask your IT team.")
    return HttpResponseRedirect(reverse("sources:index"))


def _changeable(request: HttpRequest, uuid: UUID) -> Connection:
    try:
        return delegated.changeable(_user(request), uuid)
    except NotFound as error:
        raise Http404(error.message) from error


def _user(request: HttpRequest) -> Any:
    return request.user  # nobody anonymous gets here: LoginRequiredMiddleware
