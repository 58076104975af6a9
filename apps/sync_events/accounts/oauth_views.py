"""To a source and back: the sign-in that connects an account (OAuth 2.0, RFC 6749 and 9700)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from apps.connections import providers
from apps.connections.connect import Grant
from apps.connections.credentials import flow as flows
from apps.connections.credentials import scopes, tokens
from apps.connections.credentials.flow import Flow
from apps.connections.credentials.models import AuthConfig, AuthMethod
from apps.connections.credentials.oauth import Client
from apps.connections.credentials.redirects import redirect_uri
from apps.connections.credentials.sign_in import SignIn
from apps.connections.errors import ConnectorError
from apps.connections.models import Connection
from apps.errors import KenwardError, NotFound
from apps.sync_events.accounts import joining, rights

_ERROR_CODE = re.compile(r"[a-z_]{1,60}")


@require_POST
@never_cache
def start(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Send somebody to the source, to agree to what Kenward asks for.

    The answer is a page that goes there by itself, and no redirect: a browser holds the redirects
    of a form against the policy of the page it stood on, and sources send people on to hosts that
    nobody can list beforehand (a workspace's own, another sign-in).
    """
    is_own = request.POST.get("own") == "1"
    try:
        config, connection = _what_for(request, uuid, is_own=is_own)
    except NotFound as error:
        raise Http404(error.message) from error
    writes = request.POST.get("writes") == "1" and config.allows_writes
    sign_in = _sign_in(config)
    asked = scopes.wanted(sign_in, connection.settings if connection else None, writes=writes)
    flow = Flow(
        tenant_id=request.tenant.pk,  # type: ignore[attr-defined]
        user_id=_user(request).pk,
        config=str(config.uuid),
        redirect_uri=redirect_uri(request),
        connection=str(connection.uuid) if connection else "",
        name=request.POST.get("name", "").strip()[:200],
        is_own=connection.owner_id is not None if connection else is_own,
        writes=writes,
    )
    begun = flows.begin(request.session, flow)
    try:
        address = Client(config, sign_in).authorization_url(
            redirect_uri=flow.redirect_uri,
            state=begun.state,
            verifier=begun.verifier,
            scopes=asked,
        )
    except KenwardError as error:
        messages.error(request, f"{error.message} {error.hint}".strip())
        return HttpResponseRedirect(_back(flow))
    shown = {"address": address, "host": urlsplit(address).netloc, "config": config}
    response = render(request, "accounts/leaving.html", shown)
    response["Refresh"] = f"0; url={address}"
    response["Referrer-Policy"] = "no-referrer"
    return response


@login_not_required  # whoever is signed out is sent to the sign-in without the code in the address
@require_GET
@never_cache
def callback(request: HttpRequest) -> HttpResponse:
    """Take what the source sent somebody back with, and go on where no address tells of it."""
    response = HttpResponseRedirect(_came_back(request))
    response["Referrer-Policy"] = "no-referrer"
    return response


def _what_for(
    request: HttpRequest, uuid: UUID, *, is_own: bool
) -> tuple[AuthConfig, Connection | None]:
    """Return by what an account is to be connected, and the connection to be reconnected, if any.

    Raises:
        NotFound: that is not for this person, or not done by signing in.
    """
    connection = None
    if asked := request.POST.get("connection"):
        connection = rights.reconnectable(request, _uuid(asked))
        is_own = connection.owner_id is not None
    config = rights.config_for(request, uuid, is_own=is_own)
    is_other_kind = connection is not None and connection.kind != config.kind
    if config.method != AuthMethod.OAUTH or is_other_kind:
        raise NotFound("There is no such way to connect an account.")
    return config, connection


def _came_back(request: HttpRequest) -> str:
    """Connect the account, and return where to go on."""
    if not request.user.is_authenticated:
        messages.warning(
            request, "Your session has ended. Sign in, then connect the account again."
        )
        return reverse("account_login")
    tenant = getattr(request, "tenant", None)
    try:
        flow, verifier = flows.finish(
            request.session,
            request.GET.get("state", ""),
            tenant_id=tenant.pk if tenant else None,
            user_id=request.user.pk,
        )
    except flows.FlowRefused as error:
        messages.error(request, f"{error.message} {error.hint}")
        return reverse("accounts:index")
    try:
        return _connected(request, flow, verifier)
    except KenwardError as error:
        messages.error(request, f"{error.message} {error.hint}".strip())
        return _back(flow)


def _connected(request: HttpRequest, flow: Flow, verifier: str) -> str:
    # Asked once more: the right may have ended while the person was away.
    config = rights.config_for(request, flow.config, is_own=flow.is_own)
    _require_agreement(request, config)
    sign_in = _sign_in(config)
    token = Client(config, sign_in).token_for(
        code=request.GET.get("code", ""), redirect_uri=flow.redirect_uri, verifier=verifier
    )
    grant = Grant(config, tokens.stored(token))
    with transaction.atomic():
        if flow.connection:
            connection = rights.reconnectable(request, flow.connection)
            joining.reconnect(grant, _user(request), connection)
            messages.success(request, f"“{connection.name}” is connected again.")
        else:
            connection = joining.connect(grant, _user(request), name=flow.name, is_own=flow.is_own)
            said = f"“{connection.name}” is connected. Choose what to sync, then start."
            messages.success(request, said)
    return joining.address_of(connection)


def _require_agreement(request: HttpRequest, config: AuthConfig) -> None:
    """Refuse what is no agreement of the person at this very source.

    Raises:
        ConnectorError: said in words of ours; what the source wrote is not repeated.
    """
    error = request.GET.get("error", "")
    if error == "access_denied":
        raise ConnectorError("You did not agree at the source, so nothing was connected.")
    if error:
        code = error if _ERROR_CODE.fullmatch(error) else "an unknown error"
        raise ConnectorError(
            f"The source refused the sign-in ({code}).",
            hint="If that happens again, ask your IT team to check the configuration.",
        )
    issuer, told = _sign_in(config).issuer, request.GET.get("iss")
    if issuer and told and not config.endpoints and told != issuer:
        raise ConnectorError("The answer came from another source than the one that was asked.")
    if not request.GET.get("code"):
        raise ConnectorError("The source sent no code, so nothing was connected.")


def _sign_in(config: AuthConfig) -> SignIn:
    provider = providers.remote(config.kind)
    if provider is None:
        raise ConnectorError("This kind of source needs no account.")
    return provider.sign_in


def _back(flow: Flow) -> str:
    if flow.is_own:
        return reverse("accounts:index")
    if flow.connection:
        found = Connection.objects.filter(uuid=flow.connection).first()
        if found is not None:
            return joining.address_of(found)
    return reverse("admin:connections_connection_changelist")


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("There is no such connection.") from None


def _user(request: HttpRequest) -> Any:
    return request.user  # nobody anonymous gets here
