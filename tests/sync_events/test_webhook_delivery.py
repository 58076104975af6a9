"""Messages reach their receivers: signed, again and again until taken, and nobody else."""

from __future__ import annotations

import base64
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.db import connection, connections, transaction
from django.utils import timezone
from standardwebhooks import Webhook

from apps.connections.models import CANARY_KIND, Connection
from apps.errors import InvalidInput
from apps.sync_events.webhooks import deliver, endpoints, outbox, replay, rotate, sign, tasks
from apps.sync_events.webhooks.events import EventName
from apps.sync_events.webhooks.models import (
    DeliveryState,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookMessage,
)
from apps.tenants import encryption
from apps.tenants.context import tenant_context
from apps.tenants.models import Tenant
from tests.sync_events.webhook_receiver import Receiver, deliveries, receiving, subscribe
from tests.world import World

CREATED = EventName.DOCUMENT_CREATED
DATA = {"document": "d", "external_id": "naïve/plän.md"}
ROOT = Path(__file__).resolve().parents[2]


def source_of(tenant: Tenant, kind: str = "file_share") -> Connection:
    with tenant_context(tenant), transaction.atomic():
        return Connection.with_canaries.create(tenant=tenant, kind=kind, name=kind, realm=kind)


def emit(tenant: Tenant, event: EventName = CREATED, count: int = 1) -> None:
    source = source_of(tenant, uuid4().hex)
    with tenant_context(tenant), transaction.atomic():
        outbox.emit_all(event, [DATA] * count, connection=source)


def work(tenant: Tenant) -> None:
    """Deliver all that is due, as the workers would."""
    with tenant_context(tenant):
        for _ in range(100):
            due = deliver.due_endpoints()
            if not due:
                return
            for endpoint_id in due:
                deliver.work(endpoint_id)
    raise AssertionError("the deliveries never end")


def change(tenant: Tenant, **values: Any) -> None:
    """Change all deliveries: how tests let time pass."""
    with tenant_context(tenant), transaction.atomic():
        WebhookDelivery.objects.update(**values)


def stored(tenant: Tenant, endpoint: WebhookEndpoint) -> WebhookEndpoint:
    """Return an endpoint as it is now."""
    with tenant_context(tenant), transaction.atomic():
        return WebhookEndpoint.objects.get(pk=endpoint.pk)


@pytest.fixture
def endpoint(world: World, receiver: Receiver) -> WebhookEndpoint:
    return subscribe(world.acme, receiver.url())


def test_a_message_arrives_and_verifies(
    world: World, receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    emit(world.acme)
    work(world.acme)
    (one,) = receiver.received
    assert one.is_signed_by(endpoint.secret)
    assert not one.is_signed_by(sign.new_secret())
    assert one.headers["content-type"] == "application/json"
    assert one.told["type"] == "document.created"
    assert one.told["data"] == DATA
    happened = datetime.fromisoformat(one.told["timestamp"])
    assert abs(happened - datetime.now(UTC)) < timedelta(minutes=1)
    (delivery,) = deliveries(world.acme)
    assert one.id == str(delivery.message.uuid)
    assert (delivery.state, delivery.last_status) == (DeliveryState.DELIVERED, 200)
    assert (delivery.attempts, delivery.next_at, delivery.claimed_at) == (1, None, None)
    assert delivery.delivered_at is not None


def test_the_published_vector_is_signed_as_published() -> None:
    """The example of the reference implementations' own tests."""
    secret, at = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", datetime.fromtimestamp(1614265330, UTC)
    told = sign.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", at, '{"test": 2432232314}', [secret])
    assert told["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert told["webhook-timestamp"] == "1614265330"


def test_secrets_are_new_long_and_stored_encrypted(world: World, endpoint: WebhookEndpoint) -> None:
    made = {sign.new_secret() for _ in range(100)}
    assert len(made) == 100
    assert {len(base64.b64decode(one.removeprefix("whsec_"))) for one in made} == {32}
    with tenant_context(world.acme), connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM sync_events_webhookendpoint")
        (stored,) = cursor.fetchone()
    assert "whsec" not in stored and encryption.decrypt(stored) == endpoint.secret


def test_only_who_wants_an_event_is_told(world: World, receiver: Receiver) -> None:
    subscribe(world.acme, receiver.url("/syncs"), EventName.SYNC_FAILED)
    subscribe(world.acme, receiver.url("/both"), EventName.SYNC_FAILED, CREATED)
    emit(world.acme)
    work(world.acme)
    assert [each.path for each in receiver.received] == ["/both"]


def test_where_nobody_wants_to_know_nothing_is_written(world: World, receiver: Receiver) -> None:
    off = subscribe(world.acme, receiver.url())
    subscribe(world.acme, receiver.url("/other"), EventName.SYNC_FAILED)
    with tenant_context(world.acme):
        endpoints.disable(off.pk, reason="off", actor_id=world.ida.pk)
    emit(world.acme)
    with tenant_context(world.acme):
        assert not WebhookMessage.objects.exists()


def test_canaries_are_told_of_to_nobody(world: World, endpoint: WebhookEndpoint) -> None:
    source = source_of(world.acme, CANARY_KIND)
    with tenant_context(world.acme):
        assert outbox.emit(CREATED, DATA, connection=source) == 0
        assert not WebhookMessage.objects.exists()


def test_what_is_rolled_back_is_never_told(committed_world: World, receiver: Receiver) -> None:
    acme = committed_world.acme
    subscribe(acme, receiver.url())
    source = source_of(acme)
    with pytest.raises(ZeroDivisionError), tenant_context(acme), transaction.atomic():
        assert outbox.emit(CREATED, DATA, connection=source) == 1
        raise ZeroDivisionError
    work(acme)
    assert receiver.received == [] and deliveries(acme) == []


def test_no_tenant_is_told_of_another(
    world: World, receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    theirs = subscribe(world.umbra, receiver.url("/umbra"))
    emit(world.acme)
    work(world.umbra)
    assert receiver.received == []
    with tenant_context(world.umbra):
        assert deliver.claim(endpoint.pk) is None
        assert not endpoints.disable(endpoint.pk, reason="theirs", actor_id=world.cy.pk)
        assert replay.replay(WebhookDelivery.objects.all(), actor_id=world.cy.pk) == 0
    work(world.acme)
    assert [each.path for each in receiver.received] == ["/hook"]
    assert not receiver.received[0].is_signed_by(theirs.secret)


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


def test_rotation_signs_with_both_for_a_day(
    world: World, receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    old = endpoint.secret
    with tenant_context(world.acme):
        new = rotate.rotate(endpoint.pk, actor_id=world.ida.pk)
    emit(world.acme)
    work(world.acme)
    (both,) = receiver.received
    assert both.headers["webhook-signature"].count("v1,") == 2
    assert both.is_signed_by(old) and both.is_signed_by(new)
    with tenant_context(world.acme), pytest.raises(InvalidInput):
        rotate.rotate(endpoint.pk, actor_id=world.ida.pk)
    with tenant_context(world.acme):
        stored = WebhookEndpoint.objects.filter(pk=endpoint.pk)
        until = stored.get().previous_until
        assert until is not None
        assert abs(until - timezone.now() - timedelta(hours=24)) < timedelta(minutes=1)
        stored.update(previous_until=timezone.now())
    emit(world.acme)
    work(world.acme)
    after = receiver.received[-1]
    assert after.is_signed_by(new) and not after.is_signed_by(old)
    with tenant_context(world.acme):
        assert rotate.forget_lapsed() == 1
        assert WebhookEndpoint.objects.get(pk=endpoint.pk).previous_secret == ""


def test_a_previous_secret_can_be_ended_at_once(
    world: World, receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    old = endpoint.secret
    with tenant_context(world.acme):
        assert not rotate.end_previous(endpoint.pk, actor_id=world.ida.pk)
        rotate.rotate(endpoint.pk, actor_id=world.ida.pk)
        assert rotate.end_previous(endpoint.pk, actor_id=world.ida.pk)
        newest = rotate.rotate(endpoint.pk, actor_id=world.ida.pk)
    emit(world.acme)
    work(world.acme)
    (one,) = receiver.received
    assert one.is_signed_by(newest) and not one.is_signed_by(old)


def test_a_secret_that_cannot_be_read_sends_nothing_unsigned(
    world: World, receiver: Receiver, endpoint: WebhookEndpoint, settings: LazySettings
) -> None:
    emit(world.acme)
    settings.SECRET_KEY = "another key of another installation, long enough to be one"
    work(world.acme)
    assert receiver.received == []
    (delivery,) = deliveries(world.acme)
    assert "secret" in delivery.last_error and delivery.state == DeliveryState.PENDING


def test_dead_letters_are_replayed_with_their_ids(
    world: World, receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    receiver.answers += [500, 500]
    emit(world.acme, count=2)
    with tenant_context(world.acme):
        for claimed in (deliver.claim(endpoint.pk), deliver.claim(endpoint.pk)):
            assert claimed is None or claimed.attempts == 1
    change(world.acme, attempts=8, claimed_at=None, next_at=timezone.now())
    work(world.acme)
    assert [one.state for one in deliveries(world.acme)] == [DeliveryState.DEAD] * 2
    failed = [each.id for each in receiver.received]
    with tenant_context(world.acme):
        everything = WebhookDelivery.objects.all()
        assert replay.replay(everything.filter(pk=0), actor_id=world.ida.pk) == 0
        assert replay.replay(everything, actor_id=world.ida.pk) == 2
        assert replay.replay(everything, actor_id=world.ida.pk) == 0, "they are on their way"
    work(world.acme)
    assert sorted(each.id for each in receiver.received[2:]) == sorted(failed)
    states = {(one.state, one.attempts) for one in deliveries(world.acme)}
    assert states == {(DeliveryState.DELIVERED, 1)}


def test_what_was_missed_since_a_time_is_replayed(
    world: World, receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    other = subscribe(world.acme, receiver.url("/other"))
    emit(world.acme, count=4)
    states = (DeliveryState.DEAD, DeliveryState.CANCELLED, DeliveryState.DELIVERED)
    ours = [one for one in deliveries(world.acme) if one.endpoint_id == endpoint.pk]
    with tenant_context(world.acme):
        WebhookDelivery.objects.filter(endpoint=other).update(state=DeliveryState.DEAD)
        for delivery, state in zip(ours, (*states, DeliveryState.DEAD), strict=True):
            WebhookDelivery.objects.filter(pk=delivery.pk).update(state=state)
        old = timezone.now() - timedelta(days=2)
        WebhookMessage.objects.filter(pk=ours[3].message_id).update(created_at=old)
        since = timezone.now() - timedelta(days=1)
        assert replay.replay_since(endpoint, since, actor_id=world.ida.pk) == 2
    work(world.acme)
    told = [each.id for each in receiver.received]
    assert sorted(told) == sorted(str(one.message.uuid) for one in ours[:2])


def test_disabling_cancels_and_enabling_does_not_send_what_was_missed(
    world: World, receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    emit(world.acme)
    with tenant_context(world.acme):
        assert endpoints.disable(endpoint.pk, reason="off", actor_id=world.ida.pk)
        assert not endpoints.disable(endpoint.pk, reason="off", actor_id=world.ida.pk)
        assert replay.replay(WebhookDelivery.objects.all(), actor_id=world.ida.pk) == 0
        assert endpoints.enable(endpoint.pk, actor_id=world.ida.pk)
    work(world.acme)
    assert receiver.received == []
    emit(world.acme)
    work(world.acme)
    assert len(receiver.received) == 1


def test_a_test_goes_to_one_endpoint_whatever_it_wants(world: World, receiver: Receiver) -> None:
    asked = subscribe(world.acme, receiver.url("/asked"), EventName.SYNC_FAILED)
    subscribe(world.acme, receiver.url("/other"))
    with tenant_context(world.acme):
        outbox.send_test(asked, actor_id=world.ida.pk)
    work(world.acme)
    assert [(each.path, each.told["type"]) for each in receiver.received] == [
        ("/asked", "webhook.test")
    ]


def test_old_messages_are_deleted_unless_they_still_wait(
    world: World, receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    emit(world.acme, count=3)
    sent, waiting, new = deliveries(world.acme)
    with tenant_context(world.acme):
        of_sent = WebhookDelivery.objects.filter(pk__in=[sent.pk, new.pk])
        of_sent.update(state=DeliveryState.DELIVERED)
        old = timezone.now() - tasks.KEPT - timedelta(minutes=1)
        messages = WebhookMessage.objects.filter(pk__in=[sent.message_id, waiting.message_id])
        messages.update(created_at=old)
    tasks.prune_webhooks()
    assert [one.pk for one in deliveries(world.acme)] == [waiting.pk, new.pk]


def test_no_secret_stands_in_logs(
    world: World,
    receiver: Receiver,
    endpoint: WebhookEndpoint,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.answers += [500]
    emit(world.acme)
    work(world.acme)
    with tenant_context(world.acme):
        new = rotate.rotate(endpoint.pk, actor_id=world.ida.pk)
    for secret in (endpoint.secret, new):
        assert secret.removeprefix("whsec_") not in caplog.text
        assert secret not in repr(endpoint) + str(endpoint)


def test_the_wake_up_finds_the_endpoints_of_all_tenants(
    committed_world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(tasks, "send_deliver", lambda *ids: sent.append(ids))
    expected = []
    for tenant in (committed_world.acme, committed_world.umbra):
        endpoint = subscribe(tenant, receiver.url(f"/{tenant.slug}"))
        emit(tenant)
        expected.append((tenant.pk, endpoint.pk))
    sent.clear()
    tasks.wake_webhooks()
    assert sent == expected
    for ids in sent:
        tasks.deliver(*ids)
    assert sorted(each.path for each in receiver.received) == ["/acme", "/umbra"]


def test_the_reference_library_refuses_a_changed_body(
    world: World, receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    emit(world.acme)
    work(world.acme)
    (one,) = receiver.received
    changed = one.body.replace(b"document.created", b"document.deleted")
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(endpoint.secret).verify(changed, one.headers)
