"""Receivers that others wrote, and the one in the documentation, take what Kenward sends."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.db import transaction

from apps.connections.models import Connection
from apps.sync_events.webhooks import deliver, outbox, rotate
from apps.sync_events.webhooks.events import EventName
from apps.sync_events.webhooks.models import WebhookEndpoint
from apps.tenants.context import tenant_context
from tests.peers.llmock import missing
from tests.ports import free_port
from tests.sync_events.webhook_receiver import Receiver, deliveries, subscribe
from tests.world import World

ROOT = Path(__file__).resolve().parents[2]
MODULES = ROOT / ".peers" / "node_modules"
NAME = "naïve/plän.md"


@contextmanager
def running(*command: str, port: int) -> Iterator[subprocess.Popen[str]]:
    """Run a receiver until it listens, and for the length of the block."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            _wait_for(port)
            yield process
        finally:
            process.kill()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the receiver does not listen")


@pytest.fixture
def port(settings: LazySettings) -> int:
    found = free_port()
    settings.KENWARD_PRIVATE_DESTINATIONS = {f"127.0.0.1:{found}"}
    return found


def told(world: World, endpoint: WebhookEndpoint) -> int | None:
    """Send one message, and return the status of the answer."""
    with tenant_context(world.acme), transaction.atomic():
        name = f"source {Connection.objects.count()}"
        source = Connection.objects.create(tenant=world.acme, kind="file_share", name=name)
        data = {"external_id": NAME}
        outbox.emit(EventName.DOCUMENT_UPDATED, data, connection=source)
        deliver.work(endpoint.pk)
    return deliveries(world.acme)[-1].last_status


@pytest.mark.peer
def test_the_npm_package_verifies_before_and_after_a_rotation(world: World, port: int) -> None:
    if not (MODULES / "standardwebhooks").exists() or shutil.which("node") is None:
        missing("standardwebhooks is not installed: run tests/peers/install.sh (needs Node.js)")
    endpoint = subscribe(world.acme, f"http://127.0.0.1:{port}/")
    script = ROOT / "tests" / "peers" / "webhook.mjs"
    command = ["node", str(script), str(MODULES), str(port), endpoint.secret]
    with running(*command, port=port) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "listening\n"
        for act in (None, rotate.rotate, rotate.end_previous):
            if act is not None:
                with tenant_context(world.acme):
                    act(endpoint.pk, actor_id=world.ida.pk)
            if act is rotate.end_previous:
                assert told(world, endpoint) == 400
                assert process.stdout.readline().startswith("refused: No matching signature")
            else:
                assert told(world, endpoint) == 204
                assert process.stdout.readline() == f"document.updated {NAME}\n"


def test_the_receiver_of_the_documentation_works(world: World, port: int) -> None:
    page = (ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    endpoint = subscribe(world.acme, f"http://127.0.0.1:{port}/")
    program = program.replace("whsec_…", endpoint.secret).replace("8080", str(port))
    with running(sys.executable, "-u", "-W", "error", "-c", program, port=port) as process:
        assert process.stdout is not None
        assert told(world, endpoint) == 204
        assert process.stdout.readline() == f"document.updated {{'external_id': '{NAME}'}}\n"
        with tenant_context(world.acme):
            rotate.rotate(endpoint.pk, actor_id=world.ida.pk)
            rotate.end_previous(endpoint.pk, actor_id=world.ida.pk)
        assert told(world, endpoint) == 400


def test_a_worker_of_the_queue_delivers_what_was_committed(
    committed_world: World, receiver: Receiver
) -> None:
    """With Redis and Celery between them, as `up` runs it; nobody wakes it but the commit."""
    endpoint = subscribe(committed_world.acme, receiver.url())
    allowed = {"KENWARD_PRIVATE_DESTINATIONS": f"127.0.0.1:{receiver.port}"}
    celery = [sys.executable, "-m", "celery", "--app", "config", "--quiet", "worker"]
    options = ["--queues", "webhooks", "--pool", "threads", "--concurrency", "2"]
    options += ["--loglevel", "WARNING", "--without-gossip", "--hostname", "webhooks@here"]
    with subprocess.Popen(
        [*celery, *options], cwd=ROOT, env={**os.environ, **allowed}, start_new_session=True
    ) as worker:
        try:
            deadline = time.monotonic() + 60
            while not receiver.received and time.monotonic() < deadline:
                with tenant_context(committed_world.acme), transaction.atomic():
                    outbox.send_test(endpoint, actor_id=committed_world.ida.pk)
                receiver.arrived.wait(2)
        finally:
            os.killpg(worker.pid, signal.SIGKILL)
    assert receiver.received[0].is_signed_by(endpoint.secret)
