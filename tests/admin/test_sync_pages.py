"""What the pages of syncs and connections say: what changed, how far behind, and what is stuck."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import User
from apps.connections.models import Connection, ConnectionState
from apps.sync_events.models import RunChange, RunState, SyncRun
from tests.admin.conftest import TITLE, Stock
from tests.admin.test_admin_actions import press
from tests.world import World

Browser = Callable[[User], Client]


@pytest.fixture
def client(world: World, browser: Browser) -> Client:
    return browser(world.ida)


def page_of(client: Client, run: SyncRun) -> str:
    page = client.get(reverse("admin:sync_events_syncrun_change", args=[run.pk]))
    assert page.status_code == 200
    return page.content.decode()


def changed(stock: Stock, kind: str, *external_ids: str) -> None:
    for name in external_ids:
        is_known = name == stock.document.external_id
        RunChange.objects.create(
            tenant=stock.source.tenant,
            run=stock.finished,
            kind=kind,
            document_uuid=stock.document.uuid if is_known else uuid4(),
            external_id=name,
        )


def test_a_run_tells_what_it_changed_by_path_and_never_by_title(
    acme: Stock, client: Client
) -> None:
    changed(acme, "added", acme.document.external_id, "acme/gone since.md")
    changed(acme, "deleted", "acme/old.md")
    SyncRun.objects.filter(pk=acme.finished.pk).update(
        added=1_236, deleted=1, permissions_changed=30
    )
    page = page_of(client, acme.finished)
    link = reverse("admin:documents_document_change", args=[acme.document.pk])
    assert f'href="{link}">acme/plan.md</a>' in page
    assert '<span class="kw-path">acme/gone since.md</span>' in page
    assert "and 1,234 more" in page
    assert "30, counting places, their entries and members of groups" in page
    assert TITLE not in page


def test_the_list_says_every_kind_of_change_to_eyes_and_ears(acme: Stock, client: Client) -> None:
    SyncRun.objects.filter(pk=acme.finished.pk).update(
        added=1, updated=2_000, moved=3, deleted=4, permissions_changed=5
    )
    page = client.get(reverse("admin:sync_events_syncrun_changelist")).content.decode()
    assert "1 new, 2,000 changed, 3 moved, 4 gone, 5 permissions changed" in page
    for sign in ("+1", "~2,000", "→3", "−4"):
        assert f'<span class="kw-nowrap">{sign}</span>' in page


def test_a_stuck_run_says_so_with_what_to_do(acme: Stock, client: Client) -> None:
    long_ago = timezone.now() - timedelta(hours=1)
    SyncRun.objects.filter(pk=acme.run.pk).update(
        state=RunState.RUNNING, stuck_at=timezone.now(), progressed_at=long_ago
    )
    for page in (page_of(client, acme.run), client.get("/admin/").content.decode()):
        assert "This sync has stored nothing for ten minutes." in page
        assert "Cancel it, and then let it go on where it stopped" in page
        assert "Stuck: running" in page
    SyncRun.objects.filter(pk=acme.run.pk).update(state=RunState.SUCCEEDED)
    assert "This sync is stuck" not in page_of(client, acme.run)


def test_a_stopped_sweep_is_offered_to_go_on(acme: Stock, client: Client) -> None:
    SyncRun.objects.filter(pk=acme.finished.pk).delete()
    SyncRun.objects.filter(pk=acme.run.pk).update(state=RunState.CANCELLED, cursor={"after": "b"})
    assert 'value="go_on"' in page_of(client, acme.run)
    press(client, "sync_events_syncrun", "go_on", acme.run.pk, on_page=True)
    acme.run.refresh_from_db()
    assert acme.run.state == RunState.QUEUED
    page = page_of(client, acme.run)
    assert 'value="go_on"' not in page and 'value="cancel"' in page


def test_nothing_runs_again_while_its_connection_is_paused(acme: Stock, client: Client) -> None:
    SyncRun.objects.filter(pk=acme.run.pk).delete()
    Connection.objects.update(state=ConnectionState.PAUSED)
    press(client, "sync_events_syncrun", "run_again", acme.finished.pk)
    assert not SyncRun.objects.filter(state=RunState.QUEUED).exists()


def test_auditors_see_all_of_it_and_no_button(acme: Stock, auditor: User, browser: Browser) -> None:
    changed(acme, "added", acme.document.external_id)
    SyncRun.objects.filter(pk=acme.finished.pk).update(added=1)
    page = page_of(browser(auditor), acme.finished)
    assert "acme/plan.md" in page
    assert 'name="action"' not in page


def test_a_connection_says_how_up_to_date_it_is(acme: Stock, client: Client) -> None:
    Connection.objects.filter(pk=acme.source.pk).update(
        last_swept_at=timezone.now() - timedelta(hours=5)
    )
    own = client.get(reverse("admin:connections_connection_change", args=[acme.source.pk]))
    listed = client.get(reverse("admin:connections_connection_changelist"))
    for page in (own, listed, client.get("/admin/")):
        said = page.content.decode()
        assert "Far behind" in said
        assert "Everything was compared 5 hours ago; it should be every 15 minutes." in said
    assert "Oldest document waiting for the index" in own.content.decode()
