"""The admin's pages of an account: connecting it, choosing of it, disconnecting it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse

from apps.connections import connect, picker, providers
from apps.connections.credentials.models import AuthConfig, AuthMethod, Credential
from apps.connections.key_form import KeyForm
from apps.connections.models import Connection, ConnectionState
from apps.connections.picker import Tree
from apps.errors import KenwardError
from apps.sync_events.accounts import ending, joining, objects, own

_OTHER_PAGE = "admin:connections_connection_"


def connect_page(
    request: HttpRequest, context: dict[str, Any], *, kind: str, original: Connection | None = None
) -> HttpResponse:
    """Offer the ways to connect an account, or to connect one again; take what was pasted.

    Args:
        request: of somebody who may add connections, or change this one.
        context: what every page of the admin shows.
        kind: of the source.
        original: the connection to be reconnected; None for a new one.
    """
    configs = list(AuthConfig.objects.filter(kind=kind, is_active=True).order_by("name"))
    ways = [{"config": config, "form": _key_form(request, config, original)} for config in configs]
    sent = next((way["form"] for way in ways if _is_sent(request, way["config"])), None)
    if isinstance(sent, KeyForm) and sent.is_valid():
        try:
            connection = _take(request, sent, original)
        except KenwardError as error:
            sent.add_error(None, f"{error.message} {error.hint}".strip())
        else:
            messages.success(request, f"“{connection.name}” is connected.")
            return HttpResponseRedirect(reverse(f"{_OTHER_PAGE}change", args=[connection.pk]))
    credential = Credential.objects.filter(connection=original).first() if original else None
    context |= {
        "title": f"Connect {original.name}" if original else "Connect an account",
        "kind": kind,
        "kind_name": providers.label_of(kind),
        "kinds": [] if original else kinds(),
        "ways": ways,
        "original": original,
        "subject": credential.subject if credential else "",
        "may_configure": request.user.has_perm("connections.add_authconfig"),
    }
    return TemplateResponse(request, "admin/accounts/connect.html", context)


def choose_page(request: HttpRequest, context: dict[str, Any], pk: int) -> HttpResponse:
    """Let an IT admin pick what of a tenant's account is synced, and start."""
    connection = get_object_or_404(Connection, pk=pk, owner=None)
    if not picker.offers(connection):
        raise Http404
    actor: Any = request.user
    picked = picker.sent(request.POST) if request.method == "POST" else picker.stored(connection)
    problem = ""
    if "save" in request.POST or "start" in request.POST:
        try:
            own.choose(connection, picked, actor=actor)
            if "start" in request.POST:
                own.start(connection, actor=actor)
        except KenwardError as error:
            problem = f"{error.message} {error.hint}".strip()
        else:
            messages.success(request, "What is synced is changed.")
            return HttpResponseRedirect(reverse(f"{_OTHER_PAGE}change", args=[pk]))
    tree = Tree((), picked.ids)
    try:
        tree = picker.tree(connection, picked)
    except KenwardError as error:
        problem = problem or f"{error.message} {error.hint}".strip()
    context |= {
        "title": f"Choose what to sync of {connection.name}",
        "original": connection,
        "tree": tree,
        "picked": picked,
        "problem": problem,
    }
    return TemplateResponse(request, "admin/accounts/choose.html", context)


def disconnect_page(request: HttpRequest, context: dict[str, Any], pk: int) -> HttpResponse:
    """Ask how to disconnect a connection, or somebody's own account, then do it."""
    connection = get_object_or_404(Connection.objects.select_related("owner"), pk=pk)
    if request.method == "POST":
        actor: Any = request.user
        deletes_data = request.POST.get("data") == "delete"
        ended = ending.end(connection, actor=actor, deletes_data=deletes_data)
        messages.success(request, f"“{connection.name}” is disconnected. {ended.said}")
        return HttpResponseRedirect(reverse(f"{_OTHER_PAGE}change", args=[pk]))
    context |= {
        "title": f"Disconnect {connection.name}",
        "original": connection,
        "documents": objects.counts([connection])[connection.pk],
    }
    return TemplateResponse(request, "admin/accounts/disconnect.html", context)


def links(connection: Connection) -> list[dict[str, str]]:
    """Return the pages that a connection's own page leads to, in this state."""
    is_remote = providers.is_remote(connection.kind)
    found = []
    is_ended = connection.state == ConnectionState.DISCONNECTED
    if connection.owner_id is None and is_remote:
        if picker.offers(connection) and not is_ended:
            is_new = connection.state_reason == connect.CHOOSE
            label = "Choose what to sync, then start" if is_new else "Choose what to sync"
            found.append(_link(label, "choose", connection.pk))
        found.append(_link("Reconnect", "reconnect", connection.pk))
    if not is_ended:
        found.append(_link("Disconnect", "disconnect", connection.pk))
    elif connection.data_deletion_at is None:
        found.append(_link("Delete what was copied", "disconnect", connection.pk))
    return found


def kinds() -> list[tuple[str, str]]:
    """Return all kinds of source, with what people call them."""
    return [(kind, name) for kind, (name, _) in providers.REGISTRY.items()]


def _link(label: str, page: str, pk: int) -> dict[str, str]:
    return {"label": label, "address": reverse(f"{_OTHER_PAGE}{page}", args=[pk])}


def _key_form(
    request: HttpRequest, config: AuthConfig, original: Connection | None
) -> KeyForm | None:
    if config.method == AuthMethod.OAUTH:
        return None
    data = request.POST if _is_sent(request, config) else None
    return KeyForm(data, config=config, is_new=original is None)


def _is_sent(request: HttpRequest, config: object) -> bool:
    if request.method != "POST" or not isinstance(config, AuthConfig):
        return False
    try:
        return UUID(request.POST.get("config", "")) == config.uuid
    except ValueError:
        return False


def _take(request: HttpRequest, form: KeyForm, original: Connection | None) -> Connection:
    if not request.user.is_authenticated:
        raise PermissionDenied
    grant = form.grant()
    with transaction.atomic():
        if original is not None:
            joining.reconnect(grant, request.user, original)
            return original
        name = form.cleaned_data["name"]
        return connect.connect(grant=grant, actor=request.user, name=name)
