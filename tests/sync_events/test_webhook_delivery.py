"""Messages reach those who want them, as they were written, and nobody else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from apps.connections.models import CANARY_KIND
from apps.sync_events.webhooks import deliver, endpoints, outbox, replay, sign, tasks
from apps.sync_events.webhooks.events import EventName
from apps.sync_events.webhooks.models import (
    DeliveryState,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookMessage,
)
from apps.tenants.context import tenant_context
from tests.sync_events.broker import sent
from tests.sync_events.webhook_receiver import Receiver, deliveries, subscribe
from tests.sync_events.webhook_work import CREATED, DATA, emit, source_of, work
from tests.world import World


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


def test_a_test_goes_to_one_endpoint_whatever_it_wants(world: World, receiver: Receiver) -> None:
    asked = subscribe(world.acme, receiver.url("/asked"), EventName.SYNC_FAILED)
    subscribe(world.acme, receiver.url("/other"))
    with tenant_context(world.acme):
        outbox.send_test(asked, actor_id=world.ida.pk)
    work(world.acme)
    assert [(each.path, each.told["type"]) for each in receiver.received] == [
        ("/asked", "webhook.test")
    ]


def test_the_wake_up_finds_the_endpoints_of_all_tenants(
    committed_world: World, receiver: Receiver
) -> None:
    expected = []
    for tenant in (committed_world.acme, committed_world.umbra):
        endpoint = subscribe(tenant, receiver.url(f"/{tenant.slug}"))
        emit(tenant)
        expected.append([tenant.pk, endpoint.pk])
    sent(tasks.QUEUE)  # as if the broker had lost what was sent at the commit
    tasks.wake_webhooks()
    told = sent(tasks.QUEUE)
    assert told == [(tasks.deliver.name, ids) for ids in expected]
    for _, ids in told:
        tasks.deliver(*ids)
    assert sorted(each.path for each in receiver.received) == ["/acme", "/umbra"]
