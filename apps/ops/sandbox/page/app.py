"""The sandbox as one web application: the page at `/`, the sources below `/google` and `/slack`."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from django.template import Context, Engine
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from apps.ops.sandbox.drive import api as drive_api
from apps.ops.sandbox.page import (
    break_acts,
    connect_acts,
    drive_acts,
    drive_views,
    other_views,
    people_acts,
    slack_acts,
    slack_views,
)
from apps.ops.sandbox.page.forms import Form
from apps.ops.sandbox.page.guard import LocalOnly, OwnForms
from apps.ops.sandbox.sample import Sandbox
from apps.ops.sandbox.slack import api as slack_api

HERE = Path(__file__).parent
TEMPLATES = Engine(dirs=[str(HERE / "templates")])
PAGES = (
    ("/", "Drive"),
    ("/channels", "Slack"),
    ("/people", "People"),
    ("/break", "Break"),
    ("/requests", "Requests"),
    ("/connect", "Connect"),
)
ACTS = {
    **drive_acts.ACTS,
    **slack_acts.ACTS,
    **people_acts.ACTS,
    **break_acts.ACTS,
    **connect_acts.ACTS,
}


def app(box: Sandbox) -> Starlette:
    """Return the page and both sources, to be served with `apps.ops.sandbox.serve`."""

    @asynccontextmanager
    async def lifespan(served: Starlette) -> AsyncIterator[None]:
        yield
        box.drive.push.close()
        box.slack.close()

    routes = [
        Mount("/google", _Rooted(drive_api.app(box.drive))),
        Mount("/slack", _Rooted(slack_api.app(box.slack))),
        Mount("/", Starlette(routes=_Page(box).routes(), middleware=[Middleware(OwnForms)])),
    ]
    return Starlette(routes=routes, lifespan=lifespan, middleware=[Middleware(LocalOnly)])


class _Rooted:
    """Lets a mounted app build links from where it is mounted, not from where all of us are."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app({**scope, "app_root_path": scope["root_path"]}, receive, send)


class _Page:
    """The pages, and the one address that all their forms are sent to."""

    def __init__(self, box: Sandbox) -> None:
        self._box = box
        self._said = ""
        self._failed = False

    def routes(self) -> list[Route]:
        box = self._box
        return [
            Route("/", self._shows("drive.html", lambda _: {"roots": drive_views.tree(box)})),
            Route("/drive/{id}", self._shows("item.html", self._item)),
            Route("/channels", self._shows("channels.html", lambda _: slack_views.channels(box))),
            Route("/channels/{id}", self._shows("channel.html", self._channel)),
            Route("/people", self._shows("people.html", lambda _: other_views.people(box))),
            Route("/break", self._shows("break.html", lambda _: other_views.failures(box))),
            Route("/requests", self._shows("requests.html", lambda _: other_views.requests(box))),
            Route("/connect", self._shows("connect.html", self._connect)),
            Route("/connect/google-key.json", self._google_key),
            Route("/style.css", self._style),
            Route("/do/{act}", self._do, methods=["POST"]),
        ]

    def _shows(
        self, template: str, view: Callable[[Request], dict[str, Any]]
    ) -> Callable[[Request], Response]:
        """Return an endpoint that renders what a view returns."""

        def show(request: Request) -> Response:
            box = self._box
            try:
                with box.drive.lock, box.slack.lock:
                    shown = view(request)
            except LookupError:
                return self._render(request, "gone.html", {}, status=404)
            return self._render(request, template, shown)

        return show

    def _item(self, request: Request) -> dict[str, Any]:
        return drive_views.item(self._box, request.path_params["id"])

    def _channel(self, request: Request) -> dict[str, Any]:
        return slack_views.channel(self._box, request.path_params["id"])

    def _connect(self, request: Request) -> dict[str, Any]:
        return other_views.connect(self._box, str(request.base_url))

    def _google_key(self, request: Request) -> Response:
        """Hand out the service account's key, in a file as Google's."""
        key = self._box.google_service_account.key_file(f"{request.base_url}google")
        name = 'attachment; filename="sandbox-service-account.json"'
        return JSONResponse(key, headers={"Content-Disposition": name})

    def _style(self, request: Request) -> Response:
        return FileResponse(HERE / "style.css")

    async def _do(self, request: Request) -> Response:
        """Carry out what a form asks for, and go back to where it stood."""
        form = Form(await request.body())
        act = ACTS.get(request.path_params["act"])
        if act is None:
            return self._render(request, "gone.html", {}, status=404)
        try:
            done = await run_in_threadpool(act, self._box, form)
        except (LookupError, ValueError, re.error) as refusal:
            self._said, self._failed = f"That did not work: {refusal}", True
            return RedirectResponse(form.back(), 303)
        self._said, self._failed = done.said, False
        return RedirectResponse(done.to or form.back(), 303)

    def _render(
        self, request: Request, template: str, shown: dict[str, Any], *, status: int = 200
    ) -> Response:
        path = request.url.path
        around = {
            "path": path,
            "here": "/" if path.startswith("/drive/") else f"/{path.split('/')[1]}",
            "pages": PAGES,
            "said": self._said,
            "failed": self._failed,
            "bot_id": self._box.slack.bot_user_id,
        }
        self._said = ""
        page = TEMPLATES.get_template(template).render(Context({**around, **shown}))
        return HTMLResponse(page, status)
