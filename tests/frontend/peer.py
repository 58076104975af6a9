"""A web server that the tests speak for: it serves given pages and says given frames."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from django.conf import settings
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_PATIENCE_S = 5


@dataclass
class Peer:
    """The other side of the browser, driven step by step by a test.

    Attributes:
        pages: HTML by path.
        asked: frames that the browser sent, oldest first.
    """

    pages: dict[str, str] = field(default_factory=dict)
    asked: queue.Queue[dict[str, Any]] = field(default_factory=queue.Queue)
    url: str = ""
    is_refusing: bool = False
    _socket: ServerConnection | None = None
    _seq: int = 0

    def next(self) -> dict[str, Any]:
        """Return the next frame of the browser, waiting for it."""
        return self.asked.get(timeout=_PATIENCE_S)

    def say(self, kind: str, *, skip: int = 0, **fields: Any) -> None:
        """Send a frame; `skip` leaves out that many sequence numbers before it."""
        assert self._socket is not None
        self._seq += 1 + skip
        self._socket.send(json.dumps({"type": kind, "seq": self._seq, **fields}))

    def done(self, html: str = "<p>Five days.</p>", **fields: Any) -> None:
        """Finish the answer."""
        self.say(
            "done",
            **{
                "html": html,
                "outcome": "answered",
                "notice": "",
                "cited": [],
                "message": "m1",
                "conversation": {"uuid": "c0ffee", "title": "Leave"},
                **fields,
            },
        )
        self._seq = 0

    def hang_up(self, code: int = 1000) -> None:
        """End the connection."""
        assert self._socket is not None
        self._socket.close(code)

    def _speak(self, socket: ServerConnection) -> None:
        self._socket, self._seq = socket, 0
        for frame in socket:
            self.asked.put(json.loads(frame))

    def _serve_file(self, socket: ServerConnection, request: Request) -> Response | None:
        path = request.path.partition("?")[0]
        if path.startswith("/ws/"):
            return _response(HTTPStatus.SERVICE_UNAVAILABLE, "", "") if self.is_refusing else None
        if path in self.pages:
            return _response(HTTPStatus.OK, self.pages[path], "text/html; charset=utf-8")
        file = Path(settings.BASE_DIR, path.lstrip("/"))
        if path.startswith("/static/") and file.is_file():
            return _response(HTTPStatus.OK, file.read_text("utf-8"), _TYPES[file.suffix])
        return _response(HTTPStatus.NOT_FOUND, "", "text/plain")


@contextmanager
def running_peer() -> Iterator[Peer]:
    """Serve on a free port of this machine until the block ends."""
    peer = Peer()
    with serve(peer._speak, "127.0.0.1", 0, process_request=peer._serve_file) as server:
        peer.url = f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield peer
        server.shutdown()
        thread.join()


def _response(status: HTTPStatus, body: str, content_type: str) -> Response:
    directives: dict[str, list[str]] = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]  # type: ignore[assignment]
    policy = "; ".join(f"{name} {' '.join(sources)}" for name, sources in directives.items())
    content = body.encode()
    headers = Headers(
        {
            "Content-Type": content_type,
            "Content-Length": str(len(content)),
            "Content-Security-Policy": policy,
            "Connection": "close",
        }
    )
    return Response(status.value, status.phrase, headers, content)
