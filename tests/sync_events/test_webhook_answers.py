"""What a receiver answers is not trusted: no redirect, no inner host, no endless body."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.conf import LazySettings

from apps.sync_events.webhooks.models import DeliveryState, WebhookEndpoint
from tests.sync_events.webhook_receiver import Receiver, deliveries, subscribe
from tests.sync_events.webhook_work import emit, work
from tests.world import World


def redirect(to: str) -> Any:
    def answer(handler: Any) -> None:
        handler.send_response(307)
        handler.send_header("Location", to)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def test_redirects_are_not_followed(
    world: World, receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    receiver.answers += [redirect(receiver.url("/elsewhere"))]
    emit(world.acme)
    work(world.acme)
    assert [each.path for each in receiver.received] == ["/hook"]
    (delivery,) = deliveries(world.acme)
    assert delivery.state == DeliveryState.PENDING and "redirect" in delivery.last_error


@pytest.mark.parametrize("host", ["localhost", "127.0.0.2", "2130706433"])
def test_what_is_not_public_is_refused_whenever_it_is_sent_to(
    world: World, receiver: Receiver, host: str
) -> None:
    subscribe(world.acme, receiver.url(host=host))
    emit(world.acme)
    work(world.acme)
    assert receiver.received == []
    (delivery,) = deliveries(world.acme)
    assert delivery.last_status is None
    assert delivery.last_error.startswith("No connection")


def test_inner_hosts_and_closed_ports_read_alike(world: World, settings: LazySettings) -> None:
    settings.KENWARD_PRIVATE_DESTINATIONS = {"127.0.0.1:1"}
    for url in ("http://127.0.0.1:1/", "http://127.0.0.1:2/", "http://name.invalid/"):
        subscribe(world.acme, url)
    emit(world.acme)
    work(world.acme)
    told = {(one.last_status, one.last_error) for one in deliveries(world.acme)}
    assert len(told) == 1


def test_of_a_huge_answer_next_to_nothing_is_read(
    world: World, receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    written = 0

    def answer(handler: Any) -> None:
        nonlocal written
        handler.send_response(200)
        handler.end_headers()
        for _ in range(10_000):
            written += handler.wfile.write(b"x" * 65_536)

    receiver.answers += [answer]
    emit(world.acme)
    begun = time.monotonic()
    work(world.acme)
    assert time.monotonic() - begun < 5
    assert [one.state for one in deliveries(world.acme)] == [DeliveryState.DELIVERED]
    assert written < 100_000_000


def test_a_broken_answer_is_no_delivery(
    world: World, receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    receiver.answers += [lambda handler: handler.wfile.write(b"SSH-2.0-OpenSSH\r\n")]
    emit(world.acme)
    work(world.acme)
    (delivery,) = deliveries(world.acme)
    assert delivery.state == DeliveryState.PENDING
    assert "none of HTTP" in delivery.last_error
