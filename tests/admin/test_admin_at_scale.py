"""Pages of the admin cost the same number of statements for one row and for many."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.models import User
from apps.audit.model_admin import BoundedPaginator
from apps.documents.models import Document
from apps.sync_events.models import FailedItem, SyncEvent, SyncRun
from tests.admin.conftest import Stock, grant, make_document, make_principal
from tests.world import World

Browser = Callable[[User], Client]


def statements(client: Client, url: str) -> int:
    """Return how many statements a page takes."""
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def fill(acme: Stock) -> None:
    """Add twenty rows to every list."""
    tenant, source = acme.source.tenant, acme.source
    for number in range(20):
        make_document(source, acme.place, f"acme/more-{number}.md")
        reader = make_principal(source, "user", f"p{number}@acme.example", f"P {number}")
        grant(acme.place, reader)
        told = {"tenant": tenant, "connection": source, "code": "x", "message": "m"}
        SyncRun.objects.create(
            tenant=tenant, connection=source, lane="content", trigger="schedule", state="failed"
        )
        SyncEvent.objects.create(run=acme.finished, level="error", **told)
        FailedItem.objects.create(external_id=f"acme/bad-{number}.md", **told)


@pytest.mark.parametrize(
    "model",
    [
        "documents_document",
        "sync_events_syncrun",
        "sync_events_syncevent",
        "sync_events_faileditem",
        "acls_principal",
        "acls_acl",
    ],
)
def test_statements_of_a_list_do_not_grow_with_its_rows(
    model: str, world: World, acme: Stock, browser: Browser
) -> None:
    client, url = browser(world.ida), reverse(f"admin:{model}_changelist")
    client.get(url)
    before = statements(client, url)
    fill(acme)
    assert statements(client, url) == before


def test_readers_stand_beside_each_document(world: World, acme: Stock, browser: Browser) -> None:
    page = browser(world.ida).get(reverse("admin:documents_document_changelist"))
    assert "acme staff" in page.content.decode()


def test_rows_are_counted_up_to_a_bound(acme: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoundedPaginator, "counted_at_most", 1)
    pages = BoundedPaginator(Document.objects.order_by("pk"), 1)
    assert pages.count == 1
    assert pages.is_cut_off


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("state=failed", {"acme/scan.pdf"}),
        ("state=searchable", {"acme/plan.md"}),
        ("state=waiting", set()),
        ("type=application/pdf", set()),
        ("type=text/markdown", {"acme/plan.md", "acme/scan.pdf"}),
        ("q=plan", {"acme/plan.md"}),
    ],
)
def test_objects_synced_are_found_by_state_type_and_path(
    asked: str, shown: set[str], world: World, acme: Stock, browser: Browser
) -> None:
    url = reverse("admin:documents_document_changelist")
    page = browser(world.ida).get(f"{url}?{asked}").content.decode()
    assert {path for path in ("acme/plan.md", "acme/scan.pdf") if path in page} == shown


def test_page_of_a_failed_document_says_why_and_what_to_do(
    world: World, acme: Stock, browser: Browser
) -> None:
    url = reverse("admin:documents_document_change", args=[acme.failed_document.pk])
    page = browser(world.ida).get(url).content.decode()
    assert "No text in it" in page
    assert "Run text recognition (OCR)" in page


def test_overview_says_what_to_do_when_nothing_is_connected(
    world: World, umbras_admin: User, browser: Browser
) -> None:
    assert "Connect a folder" in browser(umbras_admin).get("/admin/").content.decode()


def test_overview_tells_freshness_progress_and_failures(
    world: World, acme: Stock, browser: Browser
) -> None:
    SyncRun.objects.filter(pk=acme.run.pk).update(state="running", seen=5, total=50)
    page = browser(world.ida).get("/admin/").content.decode()
    for told in ("acme files", "5 of 50", "acme cannot be read.", "Never so far"):
        assert told in page, told
