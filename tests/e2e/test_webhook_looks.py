"""The admin's pages of webhooks, in light and dark, wide and narrow, and by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import LazySettings
from playwright.sync_api import Page, expect

from apps.sync_events.webhooks import endpoints, outbox, rotate
from apps.sync_events.webhooks.events import EventName
from apps.sync_events.webhooks.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from tests.acls.reads import inside
from tests.admin.conftest import stock
from tests.e2e.test_looks import check
from tests.sync_events.webhook_receiver import subscribe
from tests.world import World

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.usefixtures("beside_the_browser_s_loop"),
]

OpenPage = Callable[..., Page]
SIZES = [(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]
LONG = "https://automation.hooks.example:8443/kenward/incoming/6f1d2f5e0c7a4b0c9a57"


@pytest.fixture
def pages(committed_world: World, settings: LazySettings) -> dict[str, str]:
    """Return the pages of webhooks with something on each."""
    settings.WHITENOISE_AUTOREFRESH = True
    world = committed_world
    active, off = subscribe(world.acme, LONG), subscribe(world.acme, f"{LONG}/old")
    with inside(world.acme):
        found = stock(world.acme, "acme")
        WebhookEndpoint.objects.filter(pk=active.pk).update(description="Ledger of the archive")
        for event, reason in (
            (EventName.DOCUMENT_CREATED, ""),
            (EventName.SYNC_FAILED, "credentials_rejected"),
            (EventName.PERMISSIONS_CHANGED, ""),
        ):
            data = {"connection": str(found.source.uuid), "reason": reason}
            outbox.emit(event, data, connection=found.source)
        rotate.rotate(active.pk, actor_id=world.ida.pk)
        endpoints.disable(off.pk, reason="It answered that it is gone (410).")
        first, *others = WebhookDelivery.objects.filter(endpoint=active).order_by("pk")
        dead = {"state": DeliveryState.DEAD, "attempts": 8, "next_at": None}
        error = {"last_error": "No connection: the host needs public addresses and has to answer."}
        WebhookDelivery.objects.filter(pk=first.pk).update(**dead, **error)
        WebhookDelivery.objects.filter(pk=others[0].pk).update(
            state=DeliveryState.DELIVERED, attempts=1, last_status=204, next_at=None
        )
    return {
        "webhooks": "/admin/sync_events/webhookendpoint/",
        "webhook-add": "/admin/sync_events/webhookendpoint/add/",
        "webhook": f"/admin/sync_events/webhookendpoint/{active.pk}/change/",
        "webhook-disabled": f"/admin/sync_events/webhookendpoint/{off.pk}/change/",
        "webhook-deliveries": "/admin/sync_events/webhookdelivery/",
        "webhook-delivery": f"/admin/sync_events/webhookdelivery/{first.pk}/change/",
    }


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_pages_of_webhooks(
    pages: dict[str, str],
    signed_in_page: OpenPage,
    axe: str,
    screenshots: Path,
    settings: LazySettings,
    width: int,
    scheme: str,
) -> None:
    page = signed_in_page(width=width, scheme=scheme)
    for name, path in pages.items():
        response = page.goto(path)
        assert response is not None and response.status == 200, path
        check(page, axe, screenshots / f"{name}-{width}-{scheme}.png")

    settings.KENWARD_PRIVATE_DESTINATIONS = {"127.0.0.1:9"}
    page.goto(pages["webhook-add"])
    page.get_by_label("Address").fill("http://localhost:9/in")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("does not lead to the public internet")).to_be_visible()
    check(page, axe, screenshots / f"webhook-refused-{width}-{scheme}.png")
    page.get_by_label("Address").fill("http://127.0.0.1:9/in")
    page.get_by_label("document.created").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("whsec_")).to_be_visible()
    check(page, axe, screenshots / f"webhook-secret-{width}-{scheme}.png")
    page.get_by_role("link", name="I have copied it").click()
    expect(page.get_by_role("button", name="Rotate the secret")).to_be_visible()
    expect(page.get_by_text("whsec_")).to_have_count(0)


def test_missed_messages_are_sent_again_by_hand(
    pages: dict[str, str], signed_in_page: OpenPage
) -> None:
    page = signed_in_page(width=1280, scheme="light")
    page.goto(pages["webhook"])
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_text("Messages sent again: 1.")).to_be_visible()
    page.get_by_role("link", name="All deliveries of this webhook").click()
    expect(page.get_by_text("Dead letter", exact=True)).to_have_count(0)
