"""Slack's OAuth: the page on which a person allows the app, and `oauth.v2.access`."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from django.template import Context, Engine
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from apps.ops.sandbox.slack.calls import MethodError
from apps.ops.sandbox.slack.grants import Installation
from apps.ops.sandbox.slack.records import Token
from apps.ops.sandbox.slack.shapes import Json
from apps.ops.sandbox.slack.workspace import SlackWorkspace

TEMPLATES = Engine(dirs=[str(Path(__file__).parent / "templates")])
_FIELDS = ("client_id", "scope", "user_scope", "redirect_uri", "state")


class Authorization:
    """The page behind `/oauth/v2/authorize`."""

    def __init__(self, workspace: SlackWorkspace) -> None:
        self._workspace = workspace

    async def show(self, request: Request) -> Response:
        """Ask a person for consent."""
        asked = dict(request.query_params)
        problem = self._problem(asked)
        if problem:
            return _html("refused.html", {"problem": problem}, status=400)
        scopes = _scopes(asked.get("scope", "")) + _scopes(asked.get("user_scope", ""))
        people = [
            person
            for person in self._workspace.people.values()
            if not person.is_bot and not person.is_deleted and person.email
        ]
        shown = {
            "app": self._workspace.app.name,
            "team": self._workspace.name,
            "scopes": scopes,
            "people": people,
            "fields": [(name, asked.get(name, "")) for name in _FIELDS],
        }
        return _html("authorize.html", shown, back_to=asked["redirect_uri"])

    async def answer(self, request: Request) -> Response:
        """Send the person back with a code, or with `access_denied`."""
        body = (await request.body()).decode()
        asked = {name: values[0] for name, values in parse_qs(body).items()}
        problem = self._problem(asked)
        if problem:
            return _html("refused.html", {"problem": problem}, status=400)
        back = {"state": asked["state"]} if asked.get("state") else {}
        if asked.get("choice") == "allow":
            back["code"] = self._workspace.allow(
                asked["person"],
                _scopes(asked.get("scope", "")),
                _scopes(asked.get("user_scope", "")),
                asked["redirect_uri"],
            )
        else:
            back["error"] = "access_denied"
        separator = "&" if "?" in asked["redirect_uri"] else "?"
        return RedirectResponse(asked["redirect_uri"] + separator + urlencode(back), 303)

    def _problem(self, asked: Mapping[str, str]) -> str:
        if asked.get("client_id") != self._workspace.app.client_id:
            return "invalid_client_id"
        if not self._workspace.accepts_redirect(asked.get("redirect_uri", "")):
            return "bad_redirect_uri"
        if not asked.get("scope") and not asked.get("user_scope"):
            return "invalid_scope_requested"
        person = asked.get("person")
        return "user_not_found" if person and person not in self._workspace.people else ""


def access(workspace: SlackWorkspace, arguments: Mapping[str, str], basic: str) -> Json:
    """Answer `oauth.v2.access`: exchange a code, or a refresh token.

    Source: https://docs.slack.dev/reference/methods/oauth.v2.access and
    https://docs.slack.dev/authentication/using-token-rotation

    Raises:
        MethodError: the app, the code or the refresh token is not good.
        Refused: the same, said by the workspace.
    """
    client_id, secret = _credentials(basic)
    client_id = arguments.get("client_id") or client_id
    secret = arguments.get("client_secret") or secret
    if client_id != workspace.app.client_id:
        raise MethodError("invalid_client_id")
    if not hmac.compare_digest(secret.encode(), workspace.app.client_secret.encode()):
        raise MethodError("bad_client_secret")
    if arguments.get("grant_type") == "refresh_token":
        token = workspace.refresh(arguments.get("refresh_token", ""))
        return _around(workspace) | _token(workspace, token)
    installed = workspace.exchange(arguments.get("code", ""), arguments.get("redirect_uri", ""))
    return _installation(workspace, installed)


def _installation(workspace: SlackWorkspace, installed: Installation) -> Json:
    user: Json = {"id": installed.installer.id}
    if installed.user:
        user |= _token(workspace, installed.user)
    bot = _token(workspace, installed.bot) if installed.bot else {}
    return _around(workspace) | bot | {"authed_user": user}


def _around(workspace: SlackWorkspace) -> Json:
    return {
        "app_id": workspace.app.app_id,
        "team": {"id": workspace.team_id, "name": workspace.name},
        "enterprise": None,
        "is_enterprise_install": False,
    }


def _token(workspace: SlackWorkspace, token: Token) -> Json:
    rotating: Json = {}
    if token.refresh_token:
        left_s = token.expires_at - workspace.now_s()
        rotating = {"refresh_token": token.refresh_token, "expires_in": left_s}
    return {
        "access_token": token.value,
        "token_type": "bot" if token.is_bot else "user",
        "scope": ",".join(sorted(token.scopes)),
        **({"bot_user_id": token.user_id} if token.is_bot else {}),
        **rotating,
    }


def _scopes(listed: str) -> tuple[str, ...]:
    return tuple(each for each in listed.replace(" ", ",").split(",") if each)


def _credentials(header: str) -> tuple[str, str]:
    """Return client id and secret of HTTP Basic authentication; two empty texts without it."""
    kind, _, encoded = header.partition(" ")
    if kind.lower() != "basic":
        return "", ""
    try:
        client_id, _, secret = base64.b64decode(encoded).decode().partition(":")
    except (ValueError, binascii.Error):
        return "", ""
    return client_id, secret


def _html(
    template: str, shown: Mapping[str, object], *, status: int = 200, back_to: str = ""
) -> Response:
    """Return a page without scripts whose form leads here, and from here back to the app."""
    back = urlsplit(back_to)
    forms = f"'self' {back.scheme}://{back.netloc}" if back.netloc else "'self'"
    policy = f"default-src 'none'; style-src 'self'; form-action {forms}; frame-ancestors 'none'"
    page = TEMPLATES.get_template(template).render(Context(dict(shown)))
    return HTMLResponse(page, status, {"Content-Security-Policy": policy})
