"""An embeddings server over HTTP, which a test lets misbehave."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from typing_extensions import override

Rows = list[dict[str, Any]]


def vector_of(text: str) -> list[float]:
    """Another direction and length for every text, so that a shift by one shows."""
    return [float(len(text) + 1), float(sum(map(ord, text)) % 97 + 1), 2.0, -1.0]


def rows_for(texts: list[str]) -> Rows:
    return [{"index": i, "embedding": vector_of(text)} for i, text in enumerate(texts)]


def unit(text: str) -> list[float]:
    length = math.hypot(*vector_of(text))
    return [part / length for part in vector_of(text)]


class Endpoint(ThreadingHTTPServer):
    """An OpenAI-compatible embeddings server; a test says how it misbehaves after the probe."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.change: Callable[[Rows], Any] = lambda rows: rows
        self.status = 200
        self.raw: bytes | None = None
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Answer(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append(sent | {"path": self.path})
        self.server.keys.append(self.headers["Authorization"])
        data = self.server.change(rows_for(sent["input"]))
        body = self.server.raw or json.dumps({"object": "list", "data": data}).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("retry-after-ms", "1")
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Keep the test's output clean."""
