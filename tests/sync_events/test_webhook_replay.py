"""What was missed is sent again when somebody asks, and what is old is forgotten."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from apps.sync_events.webhooks import deliver, endpoints, replay, tasks
from apps.sync_events.webhooks.models import (
    DeliveryState,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookMessage,
)
from apps.tenants.context import tenant_context
from tests.sync_events.webhook_receiver import Receiver, deliveries, subscribe
from tests.sync_events.webhook_work import change, emit, work
from tests.world import World


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
