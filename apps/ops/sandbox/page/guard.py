"""Who may talk to the sandbox: this machine's browser and programs, and no page from elsewhere."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOSTS = frozenset({"127.0.0.1", "localhost"})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITE = frozenset({"same-origin", "none"})
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class LocalOnly:
    """Refuses names other than this machine's own.

    A page elsewhere whose name is pointed at 127.0.0.1 would otherwise read everything here.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request that names this machine."""
        if scope["type"] == "http" and _hostname(Headers(scope=scope)) not in HOSTS:
            refusal = PlainTextResponse("The sandbox answers at 127.0.0.1 only.", 400)
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)


class OwnForms:
    """Refuses forms that other sites send, and lets no page of ours run scripts or be framed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request of the page's own."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] not in _SAFE and is_cross_site(Headers(scope=scope)):
            refusal = PlainTextResponse("This form was sent by another site.", 403)
            await refusal(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self._app(scope, receive, guarded)


def is_cross_site(headers: Headers) -> bool:
    """Return whether a browser says that another site sent this; programs say nothing."""
    site = headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in _OWN_SITE
    origin = headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("Host")


def _hostname(headers: Headers) -> str | None:
    return urlsplit(f"//{headers.get('Host', '')}").hostname
