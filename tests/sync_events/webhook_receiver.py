"""A receiver of webhooks: a real HTTP server that keeps what it gets and answers as it is told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import json
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from standardwebhooks import Webhook

from apps.sync_events.webhooks import sign
from apps.sync_events.webhooks.events import SUBSCRIBABLE, EventName
from apps.sync_events.webhooks.models import WebhookDelivery, WebhookEndpoint
from apps.tenants.context import tenant_context
from apps.tenants.models import Tenant

Answer = Callable[["_Handler"], object]


@dataclass(frozen=True)
class Received:
    """One request, as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def told(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.body)
        return told

    def is_signed_by(self, secret: str) -> bool:
        """Verify by the published scheme, by hand, and see that the reference library agrees."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        signed = f"{self.id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        is_ours = f"v1,{expected}" in self.headers["webhook-signature"].split(" ")
        assert abs(time.time() - int(self.headers["webhook-timestamp"])) < 60
        if is_ours:
            assert Webhook(secret).verify(self.body, self.headers) == self.told
        return is_ours


@dataclass
class Receiver:
    """What came in, oldest first, and what is answered: the next of `answers`, then 200."""

    port: int = 0
    received: list[Received] = field(default_factory=list)
    answers: list[int | Answer] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str = "/hook", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    @property
    def events(self) -> list[str]:
        return [each.told["type"] for each in self.received]


class _Handler(http.server.BaseHTTPRequestHandler):
    receiver: Receiver

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        told = {name.lower(): value for name, value in self.headers.items()}
        self.receiver.received.append(Received(self.path, told, self.rfile.read(length)))
        self.receiver.arrived.set()
        answer = self.receiver.answers.pop(0) if self.receiver.answers else 200
        if isinstance(answer, int):
            self.send_response(answer)
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            with suppress(OSError):  # Kenward hangs up when it has heard enough
                answer(self)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver on this machine."""
    receiver = Receiver()
    handler = type("Handler", (_Handler,), {"receiver": receiver})
    server = _Server(("127.0.0.1", 0), handler)
    receiver.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def subscribe(tenant: Tenant, url: str, *events: EventName) -> WebhookEndpoint:
    """Return an endpoint of a tenant, for all events unless some are named."""
    with tenant_context(tenant), transaction.atomic():
        return WebhookEndpoint.objects.create(
            tenant=tenant,
            url=url,
            events=[name.value for name in events or SUBSCRIBABLE],
            secret=sign.new_secret(),
        )


def deliveries(tenant: Tenant) -> list[WebhookDelivery]:
    """Return the deliveries of a tenant, oldest first."""
    with tenant_context(tenant), transaction.atomic():
        return list(WebhookDelivery.objects.select_related("message").order_by("pk"))
