"""“Connect your sources”: a person's own accounts, what they hold, and what their syncs said."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.connections import change, picker, providers
from apps.connections.models import Connection
from apps.connections.picker import Tree
from apps.errors import KenwardError, NotFound
from apps.sync_events.accounts import ending, objects, own, rights

_private = cache_control(private=True, no_store=True)


@require_GET
@_private
def index(request: HttpRequest) -> HttpResponse:
    """Show the person's own accounts, and what can be connected."""
    may_connect = rights.may_connect_own(request)
    ways = [
        {"config": config, "kind": providers.label_of(config.kind)}
        for config in (rights.configs_for_employees() if may_connect else [])
    ]
    shown = {"accounts": own.of(request), "ways": ways, "may_connect": may_connect}
    return render(request, "accounts/index.html", shown)


@require_http_methods(["GET", "POST"])
@_private
def choose(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Let the person pick what of an account is synced, and start."""
    connection = _own(request, uuid)
    picked = picker.sent(request.POST) if request.method == "POST" else picker.stored(connection)
    is_saved = "save" in request.POST or "start" in request.POST
    problem = ""
    if is_saved:
        try:
            own.choose(connection, picked, actor=_user(request))
            if "start" in request.POST:
                own.start(connection, actor=_user(request))
        except KenwardError as error:
            problem = f"{error.message} {error.hint}".strip()
        else:
            done = "is synced from now on" if "start" in request.POST else "is changed"
            messages.success(request, f"“{connection.name}” {done}.")
            return HttpResponseRedirect(reverse("accounts:index"))
    tree = Tree((), picked.ids)
    if picker.offers(connection):
        try:
            tree = picker.tree(connection, picked)
        except KenwardError as error:
            problem = problem or f"{error.message} {error.hint}".strip()
    shown = {
        "connection": connection,
        "kind": providers.label_of(connection.kind),
        "picks": picker.offers(connection),
        "tree": tree,
        "picked": picked,
        "problem": problem,
    }
    status = 400 if is_saved else 200
    return render(request, "accounts/choose.html", shown, status=status)


@require_POST
def start(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Sync a paused account again."""
    connection = _own(request, uuid)
    try:
        has_started = own.start(connection, actor=_user(request))
    except KenwardError as error:
        messages.error(request, f"{error.message} {error.hint}".strip())
    else:
        said = "is synced again" if has_started else "is being compared with its source now"
        messages.success(request, f"“{connection.name}” {said}.")
    return HttpResponseRedirect(reverse("accounts:index"))


@require_POST
def pause(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Stop syncing an account."""
    connection = _own(request, uuid)
    if change.pause(connection=connection, actor=_user(request)):
        messages.success(request, f"“{connection.name}” is paused.")
    else:
        messages.info(request, "That was so already.")
    return HttpResponseRedirect(reverse("accounts:index"))


@require_http_methods(["GET", "POST"])
@_private
def disconnect(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Ask how to disconnect an account, then do it."""
    connection = _own(request, uuid)
    if request.method == "POST":
        ended = ending.end(
            connection, actor=_user(request), deletes_data=request.POST.get("data") == "delete"
        )
        messages.success(request, f"“{connection.name}” is disconnected. {ended.said}")
        return HttpResponseRedirect(reverse("accounts:index"))
    shown = {"connection": connection, "documents": objects.counts([connection])[connection.pk]}
    return render(request, "accounts/disconnect.html", shown)


@require_GET
@_private
def documents(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """List what an account holds."""
    connection = _own(request, uuid)
    told = request.GET.get("page", "")
    page = int(told) if told.isdecimal() and len(told) < 7 else 1
    shown = {
        "connection": connection,
        "page": max(page, 1),
        "objects": objects.of(_user(request), connection, page=page),
        "documents": objects.counts([connection])[connection.pk],
    }
    return render(request, "accounts/documents.html", shown)


@require_GET
@_private
def events(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """List the syncs of an account, what they had to say, and what could not be read."""
    connection = _own(request, uuid)
    shown = {
        "connection": connection,
        "runs": objects.runs(connection),
        "events": objects.events(connection),
        "failed": objects.failed(connection),
    }
    return render(request, "accounts/events.html", shown)


def _own(request: HttpRequest, uuid: UUID) -> Connection:
    try:
        return rights.own_connection(request, uuid)
    except NotFound as error:
        raise Http404(error.message) from error


def _user(request: HttpRequest) -> Any:
    if not request.user.is_authenticated:  # LoginRequiredMiddleware lets nobody else in
        raise PermissionDenied
    return request.user
