"""Fields that do not fit are left out with a warning, once; the document is there all the same."""

from __future__ import annotations

from datetime import UTC, datetime

from django.utils import timezone

from apps.connections.models import Connection
from apps.connections.protocol import ItemKind, Page, RemoteItem
from apps.documents.models import Document
from apps.sync_events import pages, runs
from apps.sync_events.models import Lane, RunState, SyncEvent, SyncRun
from apps.tenants.context import tenant_context
from tests.acls.small_worlds import source
from tests.world import World

MADE_AT = datetime(2026, 1, 1, tzinfo=UTC)


def bring(connection: Connection, version: str, **told: object) -> Document:
    """Store a page with one item, and return its document."""
    run = runs.request(connection, Lane.CONTENT, trigger=SyncRun.Trigger.SCHEDULE)
    token = runs.claim(run.pk)
    assert token is not None
    item = RemoteItem("7", "Deal", "Deal", version, (), **told)  # type: ignore[arg-type]
    pages.apply(run.pk, token, Page(timezone.now(), items=(item,)), moves_cursor=False)
    runs.finish(run.pk, token, RunState.SUCCEEDED)
    return Document.objects.get(connection=connection)


def events() -> list[tuple[str, str, str]]:
    found = SyncEvent.objects.filter(code="fields_left_out").order_by("pk")
    return [(event.level, event.external_id, event.message) for event in found]


def test_an_event_names_what_was_left_out_and_says_it_once(world: World) -> None:
    with tenant_context(world.acme):
        connection = source(world.acme, "drive")
        fields = {"stage": "won", "notes": "secret " * 5_000}
        document = bring(connection, "1", fields=fields, kind=ItemKind.RECORD)
        assert (document.kind, document.fields) == ("record", {"stage": "won"})
        ((level, external_id, message),) = events()
        assert (level, external_id) == (SyncEvent.Level.WARNING, "7")
        assert "notes" in message and "secret" not in message
        bring(connection, "1", fields=fields)
        assert len(events()) == 1, "a sweep that meets it again says nothing new"
        bring(connection, "2", fields=fields)
        assert len(events()) == 2


def test_a_confirmation_brings_new_fields_and_keeps_when_it_was_made(world: World) -> None:
    with tenant_context(world.acme):
        connection = source(world.acme, "drive")
        bring(connection, "1", fields={"stage": "open"}, created_at=MADE_AT)
        document = bring(connection, "1", fields={"stage": "won"}, kind=ItemKind.TICKET)
        assert document.fields == {"stage": "won"}
        assert (document.kind, document.source_created_at) == ("ticket", MADE_AT)
        assert document.version == 1, "what the source says beside the text is not indexed again"
        assert bring(connection, "2").source_created_at is None, "another content, told anew"
