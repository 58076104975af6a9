"""A small real server that can be told to fail, and a client that asks it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from apps.connections.endpoints import host_of
from apps.connections.errors import ConnectorError, CursorExpired
from apps.connections.http import SourceClient
from apps.connections.http_answers import Answer
from apps.connections.pace import Pace
from apps.ops.sandbox.faults import Faults, FaultyApp
from apps.ops.sandbox.journal import Journal

FILE = b"0123456789" * 100_000


@dataclass
class Token:
    """Signs requests with a token that can be renewed so often."""

    values: list[str] = field(default_factory=lambda: ["first"])
    renewals: int = 0

    def headers(self) -> Mapping[str, str]:
        return {"authorization": f"Bearer {self.values[0]}"}

    def was_refused(self) -> bool:
        self.renewals += 1
        if len(self.values) == 1:
            return False
        del self.values[0]
        return True


@dataclass
class AskedSource:
    """What the server does, what it was asked, and how it is to fail."""

    faults: Faults = field(default_factory=Faults)
    journal: Journal = field(default_factory=Journal)
    good_token: str = "first"
    elsewhere: str = ""
    base: str = ""
    signed_with: list[str | None] = field(default_factory=list)

    def app(self) -> ASGIApp:
        routes = [
            Route("/list", self._list),
            Route("/say", self._say, methods=["POST"]),
            Route("/file", self._file),
            Route("/away", self._away),
            Route("/round", self._round),
        ]
        return FaultyApp(Starlette(routes=routes), self.faults, self.journal)

    def client(
        self, token: Token | None = None, *, pace: Pace | None = None, hosts: tuple[str, ...] = ()
    ) -> SourceClient:
        return SourceClient(
            {host_of(self.base), *hosts},
            token or Token(),
            pace or Pace(uuid4().hex, 1000.0, 1000),
            judge,
        )

    def asked(self) -> list[str]:
        return [entry.path for entry in self.journal.since(0)]

    def _is_known(self, request: Request) -> bool:
        return request.headers.get("authorization") == f"Bearer {self.good_token}"

    async def _list(self, request: Request) -> Response:
        if not self._is_known(request):
            return JSONResponse({"error": "who?"}, status_code=401)
        if request.query_params.get("cursor") == "old":
            return JSONResponse({"ok": False, "error": "invalid_cursor"})
        return JSONResponse({"ok": True, "asked": dict(request.query_params)})

    async def _say(self, request: Request) -> Response:
        body = await request.body()
        return JSONResponse({"said": body.decode()}) if body else Response(status_code=204)

    async def _file(self, request: Request) -> Response:
        self.signed_with.append(request.headers.get("authorization"))
        return Response(FILE, media_type="application/pdf; charset=binary")

    async def _away(self, request: Request) -> Response:
        return RedirectResponse(self.elsewhere)

    async def _round(self, request: Request) -> Response:
        return RedirectResponse(f"{self.base}/round")


def judge(answer: Answer) -> ConnectorError | None:
    """Read the refusals of a source that says them with a status of 200."""
    body = answer.body if isinstance(answer.body, dict) else {}
    return CursorExpired("The cursor is old.") if body.get("error") == "invalid_cursor" else None
