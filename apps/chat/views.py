"""The chat page. No cache keeps it: the right to see what stands in it can end at any moment."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_POST

from apps.chat import examples, model_client, notices, pages, turns
from apps.errors import NotFound


@require_GET
@cache_control(private=True, no_store=True)
def new(request: HttpRequest) -> HttpResponse:
    """Show an empty conversation; it is stored with its first question."""
    return _page(
        request, uuid4(), is_new=True, turns=[], examples=examples.questions(_user(request))
    )


@require_GET
@cache_control(private=True, no_store=True)
def conversation(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Show a conversation of the person with what may still be read of it."""
    try:
        found = turns.own_conversation(_user(request), uuid)
    except NotFound as error:
        raise Http404(error.message) from error
    if found is None:
        raise Http404("There is no such conversation.")
    shown = pages.shown(_user(request), found)
    return _page(request, uuid, is_new=False, turns=shown, examples=[])


@require_POST
def delete(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Delete a conversation of the person."""
    try:
        turns.delete(user=_user(request), uuid=uuid)
    except NotFound as error:
        raise Http404(error.message) from error
    return HttpResponseRedirect(reverse("chat:new"))


def _page(request: HttpRequest, uuid: UUID, **context: Any) -> HttpResponse:
    context |= {
        "conversation_uuid": uuid,
        "conversations": pages.history(_user(request), uuid),
        "answerer_notice": "" if model_client.is_configured() else notices.NO_MODEL,
        "ws_path": f"/ws/chat/{uuid}/",
    }
    return render(request, "chat/chat.html", context)


def _user(request: HttpRequest) -> Any:
    # Only the signed-in reach these views.
    return request.user
