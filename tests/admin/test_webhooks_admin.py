"""Webhooks in the admin: secrets are shown once, acts are recorded, other roles only look."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.models import Event
from apps.sync_events.webhooks import outbox
from apps.sync_events.webhooks.events import EventName
from apps.sync_events.webhooks.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from apps.tenants.context import tenant_context
from tests.admin.conftest import Stock
from tests.admin.test_admin_actions import press, recorded
from tests.sync_events.webhook_receiver import subscribe
from tests.world import World

Browser = Callable[[User], Client]
ENDPOINT, DELIVERY = "sync_events_webhookendpoint", "sync_events_webhookdelivery"
URL = "https://hooks.example:8443/in"
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]{44}")


@pytest.fixture
def client(world: World, browser: Browser) -> Client:
    return browser(world.ida)


@pytest.fixture
def endpoint(world: World, acme: Stock) -> WebhookEndpoint:
    return subscribe(world.acme, URL)


@pytest.fixture
def delivery(acme: Stock, endpoint: WebhookEndpoint) -> WebhookDelivery:
    data = {"document": str(acme.document.uuid), "external_id": acme.document.external_id}
    outbox.emit(EventName.DOCUMENT_CREATED, data, connection=acme.source)
    return WebhookDelivery.objects.get()


def page(model: str, act: str, *args: int) -> str:
    return reverse(f"admin:{model}_{act}", args=args)


def form(**changed: Any) -> dict[str, Any]:
    return {"url": URL, "description": "Ledger", "events": ["sync.failed"], **changed}


def text_of(client: Client, address: str) -> str:
    response = client.get(address, follow=True)
    assert response.status_code == 200
    return response.content.decode()


@pytest.fixture
def allowed(settings: LazySettings) -> None:
    """Let the form resolve an address of this machine."""
    settings.KENWARD_PRIVATE_DESTINATIONS = {"127.0.0.1:9"}


def test_a_secret_is_shown_once_when_a_webhook_is_added(
    acme: Stock, client: Client, allowed: None
) -> None:
    url = "http://127.0.0.1:9/in"
    shown = client.post(page(ENDPOINT, "add"), form(url=url))
    made = WebhookEndpoint.objects.get()
    assert (made.url, made.description, made.events) == (url, "Ledger", ["sync.failed"])
    assert made.created_by is not None
    assert SECRET.findall(html.unescape(shown.content.decode())) == [made.secret]
    assert "no-store" in shown["Cache-Control"]
    for address in (page(ENDPOINT, "changelist"), page(ENDPOINT, "change", made.pk)):
        assert made.secret not in html.unescape(text_of(client, address))
    assert recorded() == ["webhookendpoint.added"]
    assert made.secret not in str(list(Event.objects.values()))


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "http://localhost/"},
        {"url": "https://169.254.169.254/latest"},
        {"url": "https://ada:secret@hooks.example/"},
        {"url": "javascript:alert(1)"},
        {"url": ""},
        {"events": []},
        {"events": ["webhook.test"]},
        {"events": ["documents"]},
    ],
)
def test_what_cannot_be_added(
    acme: Stock, client: Client, allowed: None, wrong: dict[str, Any]
) -> None:
    answer = client.post(page(ENDPOINT, "add"), form(**{"url": "http://127.0.0.1:9/", **wrong}))
    assert answer.status_code == 200 and "errorlist" in answer.content.decode()
    assert not WebhookEndpoint.objects.exists() and recorded() == []


def test_an_address_is_added_once(endpoint: WebhookEndpoint, client: Client) -> None:
    answer = client.post(page(ENDPOINT, "add"), form())
    assert answer.status_code == 200
    assert WebhookEndpoint.objects.count() == 1


def test_events_and_description_can_be_changed_and_the_secret_stays(
    endpoint: WebhookEndpoint, client: Client
) -> None:
    told = form(description="Index", events=["document.deleted", "sync.completed"])
    answer = client.post(page(ENDPOINT, "change", endpoint.pk), told)
    assert answer.status_code == 302
    changed = WebhookEndpoint.objects.get()
    assert (changed.description, changed.events) == ("Index", told["events"])
    assert changed.secret == endpoint.secret
    assert recorded() == ["webhookendpoint.changed"]


def chosen(client: Client, action: str, *pks: int) -> str:
    """Press an action whose answer is a page, and return it."""
    told = {"action": action, "index": "0", "select_across": "0", "_selected_action": list(pks)}
    answer = client.post(page(ENDPOINT, "changelist"), told, follow=True)
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def test_a_rotated_secret_is_shown_once(endpoint: WebhookEndpoint, client: Client) -> None:
    shown = chosen(client, "rotate_secret", endpoint.pk)
    rotated = WebhookEndpoint.objects.get()
    assert SECRET.findall(shown) == [rotated.secret] != [endpoint.secret]
    assert rotated.previous_secret == endpoint.secret
    assert not SECRET.findall(chosen(client, "rotate_secret", endpoint.pk)), "it overlaps"
    assert not SECRET.findall(text_of(client, page(ENDPOINT, "change", endpoint.pk)))
    press(client, ENDPOINT, "end_previous_secret", endpoint.pk)
    assert WebhookEndpoint.objects.get().previous_secret == ""
    assert recorded() == ["webhookendpoint.secret_rotated", "webhookendpoint.previous_secret_ended"]
    assert "whsec" not in str(list(Event.objects.values()))


def test_secrets_are_rotated_one_at_a_time(
    world: World, endpoint: WebhookEndpoint, client: Client
) -> None:
    other = subscribe(world.acme, f"{URL}/other")
    assert not SECRET.findall(chosen(client, "rotate_secret", endpoint.pk, other.pk))
    assert recorded() == []


def test_a_webhook_is_tested_disabled_and_enabled(
    endpoint: WebhookEndpoint, client: Client
) -> None:
    press(client, ENDPOINT, "send_test", endpoint.pk, on_page=True)
    (test,) = WebhookDelivery.objects.all()
    assert test.message.event == EventName.TEST
    press(client, ENDPOINT, "disable", endpoint.pk, on_page=True)
    assert not WebhookEndpoint.objects.get().is_active
    test.refresh_from_db()
    assert test.state == DeliveryState.CANCELLED
    press(client, ENDPOINT, "send_test", endpoint.pk)
    assert WebhookDelivery.objects.count() == 1
    press(client, ENDPOINT, "enable", endpoint.pk, on_page=True)
    assert WebhookEndpoint.objects.get().is_active
    acts = ("tested", "disabled", "enabled")
    assert recorded() == [f"webhookendpoint.{act}" for act in acts]


def test_deliveries_are_listed_filtered_and_shown(
    world: World, acme: Stock, delivery: WebhookDelivery, client: Client
) -> None:
    other = subscribe(world.acme, f"{URL}/other")
    listed = page(DELIVERY, "changelist")
    row = page(DELIVERY, "change", delivery.pk)
    for asked, is_there in (
        ("", True),
        ("state__exact=pending", True),
        ("state__exact=dead", False),
        (f"endpoint__id__exact={delivery.endpoint_id}", True),
        (f"endpoint__id__exact={other.pk}", False),
        ("event=document.created", True),
        ("event=sync.failed", False),
    ):
        assert (row in text_of(client, f"{listed}?{asked}")) == is_there, asked
    shown = html.unescape(text_of(client, row))
    assert str(delivery.message.uuid) in shown
    assert str(acme.document.uuid) in shown


def test_deliveries_are_sent_again(delivery: WebhookDelivery, client: Client, world: World) -> None:
    WebhookDelivery.objects.update(state=DeliveryState.DEAD, attempts=8, next_at=None)
    back = press(client, DELIVERY, "send_again", delivery.pk, on_page=True)
    assert back == page(DELIVERY, "change", delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == (DeliveryState.PENDING, 0)
    event = Event.objects.get()
    assert (event.action, event.actor_id) == ("webhookdelivery.replayed", world.ida.pk)
    assert event.details == {"deliveries": 1, "messages": [str(delivery.message.uuid)]}


def test_what_was_missed_since_a_time_is_sent_again(
    delivery: WebhookDelivery, client: Client
) -> None:
    WebhookDelivery.objects.update(state=DeliveryState.DEAD, next_at=None)
    address = reverse(f"admin:{ENDPOINT}_replay", args=[delivery.endpoint_id])
    assert client.get(address).status_code == 403
    for since in ("yesterday", f"{timezone.now() + timedelta(hours=1):%Y-%m-%dT%H:%M}"):
        assert client.post(address, {"since": since}).status_code == 302
        delivery.refresh_from_db()
        assert delivery.state == DeliveryState.DEAD
    since = f"{timezone.now() - timedelta(hours=1):%Y-%m-%dT%H:%M}"
    answer = client.post(address, {"since": since}, follow=True)
    assert "Messages sent again: 1." in answer.content.decode()
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.PENDING


def test_an_auditor_looks_and_acts_nowhere(
    delivery: WebhookDelivery, auditor: User, browser: Browser
) -> None:
    WebhookDelivery.objects.update(state=DeliveryState.DEAD)
    otto = browser(auditor)
    shown = text_of(otto, page(ENDPOINT, "change", delivery.endpoint_id))
    assert "Events" in shown and "Rotate" not in shown
    assert "Send again" not in text_of(otto, page(DELIVERY, "change", delivery.pk))
    assert otto.get(page(ENDPOINT, "add")).status_code == 403
    replaying = reverse(f"admin:{ENDPOINT}_replay", args=[delivery.endpoint_id])
    assert otto.post(replaying, {"since": "2020-01-01T00:00"}).status_code == 403
    for model, action, pk in (
        (ENDPOINT, "rotate_secret", delivery.endpoint_id),
        (ENDPOINT, "disable", delivery.endpoint_id),
        (DELIVERY, "send_again", delivery.pk),
    ):
        told = {"action": action, "index": "0", "select_across": "0", "_selected_action": [pk]}
        otto.post(page(model, "changelist"), told)
    assert recorded() == []
    assert WebhookEndpoint.objects.get().is_active
    assert WebhookDelivery.objects.get().state == DeliveryState.DEAD


def test_nobody_deletes_and_other_tenants_see_nothing(
    world: World, delivery: WebhookDelivery, client: Client, umbras_admin: User, browser: Browser
) -> None:
    assert client.post(page(ENDPOINT, "delete", delivery.endpoint_id)).status_code == 403
    assert client.post(page(DELIVERY, "delete", delivery.pk)).status_code == 403
    uma = browser(umbras_admin)
    for model, pk in ((ENDPOINT, delivery.endpoint_id), (DELIVERY, delivery.pk)):
        assert URL not in text_of(uma, page(model, "changelist"))
        assert uma.get(page(model, "change", pk)).status_code in (302, 404)
    replaying = reverse(f"admin:{ENDPOINT}_replay", args=[delivery.endpoint_id])
    assert uma.post(replaying, {"since": "2020-01-01T00:00"}).status_code == 404
    press(uma, ENDPOINT, "disable", delivery.endpoint_id)
    with tenant_context(world.acme):
        assert WebhookEndpoint.objects.get().is_active


def test_lost_keys_of_the_installation_break_no_page(
    delivery: WebhookDelivery, client: Client, settings: LazySettings
) -> None:
    """What cannot be read is not loaded: the secret can still be rotated."""
    pages = (
        page(ENDPOINT, "changelist"), page(ENDPOINT, "change", delivery.endpoint_id),
        page(DELIVERY, "changelist"), page(DELIVERY, "change", delivery.pk),
    )  # fmt: skip
    settings.SECRET_KEY_FALLBACKS = []
    WebhookEndpoint.objects.update(description="Unreadable")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE sync_events_webhookendpoint SET secret = 'gibberish'")
    for address in pages:
        assert "Unreadable" in text_of(client, address)
    assert SECRET.findall(chosen(client, "rotate_secret", delivery.endpoint_id))
