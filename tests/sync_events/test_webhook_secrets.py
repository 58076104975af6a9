"""Messages are signed as published, with secrets that rotate and that nobody reads."""

from __future__ import annotations

import base64
import logging
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import LazySettings
from django.db import connection
from django.utils import timezone
from standardwebhooks import Webhook

from apps.errors import InvalidInput
from apps.sync_events.webhooks import rotate, sign
from apps.sync_events.webhooks.models import DeliveryState, WebhookEndpoint
from apps.tenants import encryption
from apps.tenants.context import tenant_context
from tests.sync_events.webhook_receiver import Receiver, deliveries
from tests.sync_events.webhook_work import emit, work
from tests.world import World


def test_the_published_vector_is_signed_as_published() -> None:
    """The example of the reference implementations' own tests."""
    secret, at = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", datetime.fromtimestamp(1614265330, UTC)
    told = sign.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", at, '{"test": 2432232314}', [secret])
    assert told["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert told["webhook-timestamp"] == "1614265330"


def test_the_reference_library_refuses_a_changed_body(
    world: World, receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    emit(world.acme)
    work(world.acme)
    (one,) = receiver.received
    changed = one.body.replace(b"document.created", b"document.deleted")
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(endpoint.secret).verify(changed, one.headers)


def test_secrets_are_new_long_and_stored_encrypted(world: World, endpoint: WebhookEndpoint) -> None:
    made = {sign.new_secret() for _ in range(100)}
    assert len(made) == 100
    assert {len(base64.b64decode(one.removeprefix("whsec_"))) for one in made} == {32}
    with tenant_context(world.acme), connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM sync_events_webhookendpoint")
        (stored,) = cursor.fetchone()
    assert "whsec" not in stored and encryption.decrypt(stored) == endpoint.secret


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
