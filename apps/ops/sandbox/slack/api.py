"""The simulated Slack over HTTP: `/api/<method>`, the OAuth pages, the download of files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, quote

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
)
from starlette.routing import Route

from apps.ops.sandbox.faults import Answer, AnswerOf, FaultyApp
from apps.ops.sandbox.slack import oauth, sight
from apps.ops.sandbox.slack.calls import Call, MethodError, token_of
from apps.ops.sandbox.slack.limits import CallLimits
from apps.ops.sandbox.slack.methods import METHODS
from apps.ops.sandbox.slack.shapes import Json
from apps.ops.sandbox.slack.state import Refused
from apps.ops.sandbox.slack.workspace import SlackWorkspace

_STYLE = Path(__file__).parent / "templates" / "style.css"
# What one gets instead of a file without a right to it: a page, and the status says all is well.
_LOGIN_PAGE = "<!DOCTYPE html><html><head><title>Sign in | Slack</title></head><body></body></html>"


def app(workspace: SlackWorkspace) -> Starlette:
    """Return the workspace's HTTP side, which also works below a mount of another app."""
    http = _Http(workspace)
    consent = oauth.Authorization(workspace)
    routes = [
        Route("/api/{method}", http.method, methods=["GET", "POST"]),
        Route("/oauth/v2/authorize", consent.show),
        Route("/oauth/v2/authorize", consent.answer, methods=["POST"]),
        Route("/oauth/v2/style.css", _style),
        Route("/archives/{channel}/{message}", http.archive),
        Route("/files-pri/{where}/download/{name}", http.download),
        Route("/files-pri/{where}/{name}", http.download),
    ]
    faulty = Middleware(
        FaultyApp, faults=workspace.faults, journal=workspace.journal, answers=_FAULTS
    )
    return Starlette(routes=routes, middleware=[faulty])


async def _style(request: Request) -> Response:
    return FileResponse(_STYLE)


class _Http:
    """The endpoints."""

    def __init__(self, workspace: SlackWorkspace) -> None:
        self._workspace = workspace
        self._limits = CallLimits(workspace)

    async def method(self, request: Request) -> Response:
        """Answer a method of the web API."""
        try:
            arguments = await _arguments(request)
            with self._workspace.lock:
                wait_s = self._limits.wait_s(request.path_params["method"])
                if wait_s:
                    busy = {"ok": False, "error": "ratelimited"}
                    return JSONResponse(busy, 429, {"Retry-After": str(wait_s)})
                self._workspace.address = _address(request)
                answer = {"ok": True, **self._answer(request, arguments)}
        except MethodError as error:
            answer = error.answer()
        except Refused as error:
            answer = {"ok": False, "error": str(error)}
        return JSONResponse(answer)

    def _answer(self, request: Request, arguments: dict[str, str]) -> Json:
        name = request.path_params["method"]
        authorization = request.headers.get("Authorization", "")
        if name == "oauth.v2.access":
            return oauth.access(self._workspace, arguments, authorization)
        if name == "api.test":
            return {"args": arguments}
        if name not in METHODS:
            raise MethodError("unknown_method", req_method=name)
        # A token in the query string is not looked at: Slack stopped that for new apps.
        given = _bearer(authorization) or arguments.get("token", "")
        token = token_of(self._workspace, given)
        return METHODS[name](Call(self._workspace, name, arguments, token))

    async def download(self, request: Request) -> Response:
        """Hand out a file's bytes; without a right to it, Slack shows its sign-in page."""
        team, _, file_id = request.path_params["where"].partition("-")
        with self._workspace.lock:
            try:
                value = _bearer(request.headers.get("Authorization", ""))
                token = token_of(self._workspace, value)
            except MethodError:
                return HTMLResponse(_LOGIN_PAGE)
            file = self._workspace.files.get(file_id)
            if file is None or team != self._workspace.team_id:
                return HTMLResponse("<!DOCTYPE html><title>Not found</title>", 404)
            may_read = sight.sees_file(self._workspace, token, file)
            if "files:read" not in token.scopes or not may_read:
                return HTMLResponse(_LOGIN_PAGE)
            disposition = f"attachment; filename*=UTF-8''{quote(file.name)}"
            headers = {"Content-Disposition": disposition}
            return Response(file.content, media_type=file.mimetype, headers=headers)

    async def archive(self, request: Request) -> Response:
        """Show the message behind a permalink; who may read it, the real Slack would ask."""
        digits = request.path_params["message"].removeprefix("p")
        with self._workspace.lock:
            channel = self._workspace.channels.get(request.path_params["channel"])
            ts = f"{digits[:-6]}.{digits[-6:]}"
            if channel is None or ts not in channel.messages:
                return PlainTextResponse("This message is gone.", 404)
            text = channel.messages[ts].text
            return PlainTextResponse(f"Simulated Slack, #{channel.name}:\n\n{text}\n")


def _address(request: Request) -> str:
    """Return where this app is served, below whatever it is mounted at."""
    return str(request.url.replace(path=f"{request.scope.get('root_path', '')}/", query=""))


def _bearer(authorization: str) -> str:
    kind, _, value = authorization.partition(" ")
    return value.strip() if kind.lower() == "bearer" else ""


async def _arguments(request: Request) -> dict[str, str]:
    """Return the arguments of a call, from the query, a form or a JSON body.

    Raises:
        MethodError: the body cannot be read.
    """
    arguments = {name: value for name, value in request.query_params.items() if name != "token"}
    body = await request.body()
    if not body:
        return arguments
    content_type = request.headers.get("Content-Type", "").partition(";")[0].strip()
    if content_type == "application/json":
        return arguments | _from_json(body)
    if content_type != "application/x-www-form-urlencoded":
        raise MethodError("invalid_post_type" if content_type else "missing_post_type")
    return arguments | dict(parse_qsl(body.decode(), keep_blank_values=True))


def _from_json(body: bytes) -> dict[str, str]:
    try:
        parsed = json.loads(body)
    except ValueError:
        raise MethodError("invalid_json") from None
    if not isinstance(parsed, dict):
        raise MethodError("json_not_object")
    return {name: _as_text(value) for name, value in parsed.items() if value is not None}


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(map(str, value))
    return json.dumps(value) if isinstance(value, dict) else str(value)


def _refusal(status: int, headers: Mapping[str, str] | None = None, **answer: str) -> Answer:
    return Answer(status, json.dumps({"ok": False, **answer}).encode(), headers=headers or {})


# Slack's own wording of failures: nearly all are answers with status 200.
_FAULTS: Mapping[str, AnswerOf] = {
    "too_many": lambda fault: _refusal(
        429, {"Retry-After": str(fault.retry_after_s)}, error="ratelimited"
    ),
    "quota": lambda fault: _refusal(
        429, {"Retry-After": str(fault.retry_after_s)}, error="ratelimited"
    ),
    "server_error": lambda _: _refusal(500, error="internal_error"),
    "forbidden": lambda _: _refusal(
        200, error="missing_scope", needed="channels:read", provided="identify"
    ),
    "unauthorized": lambda _: _refusal(200, error="invalid_auth"),
}
