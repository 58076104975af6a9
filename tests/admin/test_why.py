"""The admin's page that explains, and the one that says how long the past is kept."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.models import User
from apps.acls.models import History
from apps.audit.models import Event
from apps.documents.models import Document
from apps.sync_events.tasks import prune_history
from apps.tenants.models import Membership, Tenant
from tests.acls.reads import inside
from tests.acls.small_worlds import claim, edge
from tests.admin.conftest import TEXT, TITLE, Stock
from tests.world import World

Browser = Callable[[User], Client]
WHY = "/admin/documents/document/why/"
KEPT = "/admin/documents/document/history-kept/"


def test_the_way_is_shown_and_the_look_is_recorded(
    world: World, acme: Stock, browser: Browser
) -> None:
    claim(world.ada, acme.person)
    edge(acme.person, acme.group)
    asked = {"member": world.ada.email, "document": acme.document.path}
    page = browser(world.ida).get(WHY, asked).content.decode()
    assert "Yes, may read it" in page
    for station in ("acme Ada", "acme staff", "/acme", acme.document.path):
        assert station in page
    assert TITLE not in page and TEXT not in page
    event = Event.objects.get(action="permissions.explained")
    assert event.actor_id == world.ida.pk
    assert event.details["user_id"] == world.ada.pk and event.details["verdict"] is True


def test_the_missing_link_is_named(world: World, acme: Stock, browser: Browser) -> None:
    asked = {"member": world.bo.email, "document": str(acme.document.uuid)}
    page = browser(world.ida).get(WHY, asked).content.decode()
    assert "No, may not read it" in page
    assert "Missing link" in page
    assert "is matched with this person" in page


def test_a_path_means_the_document_that_is_there_and_not_those_that_were(
    world: World, acme: Stock, browser: Browser
) -> None:
    one, other = acme.document, acme.failed_document
    ida = browser(world.ida)

    def explained() -> Document | None:
        """Return which of the two, both of the same path, the page is about."""
        asked = {"member": world.bo.email, "document": one.path}
        found: Document | None = ida.get(WHY, asked).context.get("document")
        return found

    Document.objects.filter(pk=other.pk).update(path=one.path)
    assert explained() is None, "two sources have it"
    for there, gone in ((one, other), (other, one)):
        Document.objects.filter(pk=there.pk).update(deleted_at=None)
        Document.objects.filter(pk=gone.pk).update(deleted_at=timezone.now())
        assert explained() == there
    Document.objects.filter(pk=other.pk).update(deleted_at=timezone.now())
    assert explained() == other, "the last that was there"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"member": "nobody@acme.example"}, "Nobody in this organisation"),
        ({"document": "no/such.md"}, "There is no document"),
        ({"at": "2999-01-01 00:00"}, "lies ahead"),
        ({"at": "yesterday"}, "Enter a valid date"),
    ],
)
def test_what_cannot_be_explained_says_why(
    world: World, acme: Stock, browser: Browser, change: dict[str, str], said: str
) -> None:
    asked = {"member": world.bo.email, "document": acme.document.path}
    page = browser(world.ida).get(WHY, asked | change).content.decode()
    assert said in page


def test_only_it_admins_and_auditors_ask_and_only_in_their_organisation(
    world: World, acme: Stock, auditor: User, browser: Browser
) -> None:
    assert browser(world.ada).get(WHY).status_code in (302, 403)
    assert browser(auditor).get(WHY).status_code == 200
    asked = {"member": world.cy.email, "document": "umbra/plan.md"}
    page = browser(world.ida).get(WHY, asked).content.decode()
    assert "Nobody in this organisation" in page and "There is no document" in page


def test_an_it_admin_says_how_long_the_past_is_kept_and_an_auditor_does_not(
    world: World, acme: Stock, auditor: User, browser: Browser
) -> None:
    assert browser(world.ida).post(KEPT, {"history_days": "30"}).status_code == 302
    assert Tenant.objects.get(pk=world.acme.pk).history_days == 30
    refused = browser(world.ida).post(KEPT, {"history_days": "0"}).content.decode()
    assert "greater than or equal to 1" in refused
    assert Tenant.objects.get(pk=world.acme.pk).history_days == 30
    details = Event.objects.get(action="history.retention_changed").details
    assert details == {"days": 30, "days_before": 365}
    assert "30 days" in browser(auditor).get(KEPT).content.decode()
    assert browser(auditor).post(KEPT, {"history_days": "5"}).status_code == 403


def test_once_a_day_the_past_is_shortened(committed_world: World) -> None:
    acme = committed_world.acme
    with inside(acme):
        Membership.objects.filter(user=committed_world.bo).update(is_active=False)
    with inside(acme):
        assert History.objects.filter(to_xid__isnull=False).exists()
    Tenant.objects.filter(pk=acme.pk).update(history_days=0)
    prune_history()
    with inside(acme):
        assert not History.objects.filter(to_xid__isnull=False).exists()
        assert History.objects.filter(relation="membership").count() == 3
