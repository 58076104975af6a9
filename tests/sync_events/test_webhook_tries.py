"""A message is sent again and again until it is taken, and a slow receiver delays no other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextvars import copy_context
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connections
from django.utils import timezone

from apps.sync_events.webhooks import deliver
from apps.sync_events.webhooks.models import DeliveryState, WebhookEndpoint
from apps.tenants.context import tenant_context
from apps.tenants.models import Tenant
from tests.sync_events.webhook_receiver import Receiver, deliveries, receiving, subscribe
from tests.sync_events.webhook_work import change, emit, stored, work
from tests.world import World

ROOT = Path(__file__).resolve().parents[2]


def test_tries_are_spread_over_more_than_a_day_and_then_it_is_dead(
    world: World, receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    receiver.answers += [500] * 99
    emit(world.acme)
    waits = []
    for attempt in range(1, 9):
        before = timezone.now()
        work(world.acme)
        (delivery,) = deliveries(world.acme)
        assert delivery.attempts == len(receiver.received) == attempt
        assert (delivery.last_status, delivery.last_error) == (500, "It answered 500.")
        if delivery.next_at is not None:
            assert delivery.state == DeliveryState.PENDING
            waits.append(delivery.next_at - before)
            change(world.acme, next_at=timezone.now())
    asked = (5, 300, 1_800, 7_200, 18_000, 36_000, 36_000)
    for waited, least in zip(waits, asked, strict=True):
        assert least <= waited.total_seconds() <= least * 1.2 + 5
    assert sum(waits, timedelta()) > timedelta(days=1)
    assert delivery.state == DeliveryState.DEAD
    assert len({each.id for each in receiver.received}) == 1
    assert all(each.is_signed_by(endpoint.secret) for each in receiver.received)
    change(world.acme, next_at=timezone.now())
    work(world.acme)
    assert len(receiver.received) == 8


def test_a_receiver_that_recovers_gets_the_same_message(
    world: World, receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    receiver.answers += [503, 429, 404]
    emit(world.acme)
    for _ in range(4):
        work(world.acme)
        change(world.acme, next_at=timezone.now())
    first, *others = receiver.received
    assert len(others) == 3
    assert {(one.id, one.body) for one in others} == {(first.id, first.body)}
    assert [one.state for one in deliveries(world.acme)] == [DeliveryState.DELIVERED]


def test_nothing_is_tried_before_its_time(
    world: World, receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    receiver.answers += [500]
    emit(world.acme)
    work(world.acme)
    work(world.acme)
    assert len(receiver.received) == 1


def test_a_receiver_that_is_gone_is_left_alone(
    world: World, receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    receiver.answers += [410]
    emit(world.acme, count=3)
    work(world.acme)
    assert len(receiver.received) == 1
    endpoint = stored(world.acme, endpoint)
    assert not endpoint.is_active and "410" in endpoint.disabled_reason
    states = [one.state for one in deliveries(world.acme)]
    assert states == [DeliveryState.DEAD, DeliveryState.CANCELLED, DeliveryState.CANCELLED]
    emit(world.acme)
    assert len(deliveries(world.acme)) == 3


def test_a_receiver_that_says_nothing_delays_no_other(
    committed_world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "TRY_S", 2.0)
    acme = committed_world.acme
    release = threading.Event()
    with receiving() as slow:
        slow.answers += [lambda _handler: release.wait(20)] * 2
        allowed = {f"127.0.0.1:{port}" for port in (slow.port, receiver.port)}
        monkeypatch.setattr("django.conf.settings.KENWARD_PRIVATE_DESTINATIONS", allowed)
        first, second = subscribe(acme, slow.url()), subscribe(acme, receiver.url())
        emit(acme, count=3)
        waiting = _beside(acme, first)
        assert slow.arrived.wait(5)
        begun = time.monotonic()
        with tenant_context(acme):
            # A second worker does not wait for the same receiver.
            assert deliver.work(first.pk) is False
            assert first.pk not in deliver.due_endpoints()
            assert deliver.work(second.pk) is False
        assert time.monotonic() - begun < 1.5
        assert len(receiver.received) == 3
        waiting.join(10)
        release.set()
        # After a try that took so long its worker turned to others.
        assert len(slow.received) == 1
    late = [one for one in deliveries(acme) if one.endpoint_id == first.pk]
    assert [one.attempts for one in late] == [1, 0, 0]
    assert late[0].last_error == "No answer within 2 seconds."


def _beside(tenant: Tenant, endpoint: WebhookEndpoint) -> threading.Thread:
    """Deliver to an endpoint in a thread of its own."""

    def act() -> None:
        try:
            with tenant_context(tenant):
                deliver.work(endpoint.pk)
        finally:
            connections.close_all()

    thread = threading.Thread(target=copy_context().run, args=(act,))
    thread.start()
    return thread


_WORKER = """
import django
django.setup()
from django.conf import settings
from apps.sync_events.webhooks import deliver
from apps.tenants.context import tenant_context
settings.KENWARD_PRIVATE_DESTINATIONS = {{"127.0.0.1:{port}"}}
with tenant_context({tenant}):
    deliver.work({endpoint})
"""


def test_after_a_killed_worker_it_is_sent_again_with_the_same_id(
    committed_world: World, receiver: Receiver
) -> None:
    acme, hold = committed_world.acme, threading.Event()
    receiver.answers += [lambda _handler: hold.wait(20)]
    endpoint = subscribe(acme, receiver.url())
    emit(acme)
    program = _WORKER.format(port=receiver.port, tenant=acme.pk, endpoint=endpoint.pk)
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    worker = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, env=environment)
    try:
        assert receiver.arrived.wait(30)
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        hold.set()
    with tenant_context(acme):
        assert deliver.due_endpoints() == [], "its claim holds for a minute"
    change(acme, claimed_at=timezone.now() - deliver.LEASE)
    work(acme)
    first, second = receiver.received
    assert (first.id, first.body) == (second.id, second.body)
    (delivery,) = deliveries(acme)
    assert (delivery.state, delivery.attempts) == (DeliveryState.DELIVERED, 2)


def test_whose_claim_was_taken_over_writes_nothing(
    world: World, receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    emit(world.acme)
    with tenant_context(world.acme):
        late = deliver.claim(endpoint.pk)
        assert late is not None
        assert deliver.claim(endpoint.pk) is None
    change(world.acme, claimed_at=timezone.now() - deliver.LEASE)
    work(world.acme)
    with tenant_context(world.acme):
        deliver.settle(late, deliver.Outcome(410))
    assert [one.state for one in deliveries(world.acme)] == [DeliveryState.DELIVERED]
    endpoint = stored(world.acme, endpoint)
    assert endpoint.is_active
