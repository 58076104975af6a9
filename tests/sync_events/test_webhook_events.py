"""What a sync tells by webhook: what changed, as ids and counts, and nothing that documents say."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.connections.errors import (
    ContractBroken,
    CredentialsRejected,
    RateLimited,
    SettingsRejected,
    SourceUnavailable,
)
from apps.connections.models import Connection
from apps.documents import canary_planting
from apps.documents.models import Document
from apps.sync_events import by_hand, engine, runs, schedule
from apps.sync_events.models import SyncRun
from apps.sync_events.webhooks import announce, events
from apps.sync_events.webhooks.events import MOST_PLACES, SUBSCRIBABLE, EventName
from apps.sync_events.webhooks.models import WebhookMessage
from apps.tenants.context import tenant_context
from tests.sync_events.folder import Folder, connect
from tests.sync_events.webhook_receiver import subscribe
from tests.world import World

URL = "https://hooks.example/in"
Told = Callable[..., list[dict[str, Any]]]
WORDS = "quokkas in the cellar"


@pytest.fixture
def subscribed(folder: Folder) -> Folder:
    subscribe(folder.tenant, URL)
    return folder


def taken(folder: Folder, event: EventName | None = None) -> list[dict[str, Any]]:
    """Return what was written to be told since the last time, oldest first."""
    with tenant_context(folder.tenant), transaction.atomic():
        rows = WebhookMessage.objects.order_by("pk")
        found = [row.payload for row in rows]
        assert [row.event for row in rows] == [each["type"] for each in found]
        rows.delete()
    return [each for each in found if event is None or each["type"] == event]


def data_of(folder: Folder, event: EventName) -> list[dict[str, Any]]:
    return [each["data"] for each in taken(folder, event)]


def document(folder: Folder, path: str) -> Document:
    with tenant_context(folder.tenant), transaction.atomic():
        return Document.objects.get(connection=folder.connection, external_id=path)


def test_a_sweep_tells_of_its_documents_and_of_its_end(subscribed: Folder) -> None:
    subscribed.write(a="# A", b="# B")
    run = subscribed.sweep()
    told = taken(subscribed)
    created = [each["data"] for each in told if each["type"] == EventName.DOCUMENT_CREATED]
    source = str(subscribed.connection.uuid)
    assert sorted(created, key=lambda each: str(each["external_id"])) == [
        {
            "connection": source,
            "document": str(document(subscribed, path).uuid),
            "external_id": path,
        }
        for path in ("a.md", "b.md")
    ]
    ended = [each["data"] for each in told if each["type"] == EventName.SYNC_COMPLETED]
    assert [each["lane"] for each in ended] == ["permissions", "content"]
    assert ended[1] == {
        "connection": source,
        "run": str(run.uuid),
        "lane": "content",
        "trigger": "schedule",
        "is_sweep": True,
        "state": "succeeded",
        "counts": {"seen": 2, "added": 2, "updated": 0, "deleted": 0, "problems": 0},
        "started_at": events.instant(run.started_at) if run.started_at else None,
    }


def test_what_changes_goes_and_comes_back_is_told_as_that(subscribed: Folder) -> None:
    subscribed.write(a="# A", b="# B", c="# C")
    subscribed.sweep()
    taken(subscribed)

    subscribed.write(a="# A, changed")
    subscribed.changed("a.md")
    (subscribed.path / "b.md").unlink()
    subscribed.changed("b.md")
    told = taken(subscribed)
    changed = [(each["type"], each["data"].get("external_id")) for each in told]
    assert [each for each in changed if each[1]] == [
        ("document.updated", "a.md"),
        ("document.deleted", "b.md"),
    ]

    (subscribed.path / "c.md").unlink()
    subscribed.sweep()
    gone = data_of(subscribed, EventName.DOCUMENT_DELETED)
    assert [each["external_id"] for each in gone] == ["c.md"]
    assert gone[0]["document"] == str(document(subscribed, "c.md").uuid)

    subscribed.write(c="# C")
    subscribed.changed("c.md")
    back = data_of(subscribed, EventName.DOCUMENT_CREATED)
    assert [each["external_id"] for each in back] == ["c.md"]


def test_a_sweep_that_finds_nothing_new_tells_of_its_end_alone(subscribed: Folder) -> None:
    subscribed.write(a="# A")
    subscribed.sweep()
    taken(subscribed)
    subscribed.sweep()
    assert {each["type"] for each in taken(subscribed)} == {EventName.SYNC_COMPLETED}


def test_a_sync_with_problems_says_so(subscribed: Folder) -> None:
    subscribed.write(a="# A")
    os.mkfifo(subscribed.path / "pipe.md")
    (subscribed.path / os.fsdecode(b"caf\xe9.md")).write_text("# C")
    run = subscribed.sweep()
    (ended,) = [
        each for each in data_of(subscribed, EventName.SYNC_COMPLETED) if each["lane"] == "content"
    ]
    assert ended["counts"]["problems"] == run.problems > 0
    assert ended["state"] == "partial"


def test_settings_that_cannot_work_are_a_failed_validation(subscribed: Folder) -> None:
    source = subscribed.connection
    with tenant_context(subscribed.tenant):
        with transaction.atomic():
            rejected = {**source.settings, "path": "/etc"}
            Connection.objects.filter(pk=source.pk).update(settings=rejected)
            run = schedule.request_sweep(source, trigger=SyncRun.Trigger.SCHEDULE)
        assert engine.work(run.pk) is engine.Outcome.ENDED
    why = {"reason": "validation_failed", "code": "settings_rejected"}
    attention, failed = taken(subscribed)
    assert attention["type"] == EventName.CONNECTION_NEEDS_ATTENTION
    assert attention["data"] == {"connection": str(source.uuid), "kind": "file_share", **why}
    assert failed["type"] == EventName.SYNC_FAILED
    told = failed["data"]
    assert told["run"] == str(run.uuid) and told["state"] == "failed"
    assert {name: told[name] for name in why} == why
    assert "/etc" not in json.dumps([attention, failed])


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (SettingsRejected("…"), "validation_failed"),
        (ContractBroken("…"), "validation_failed"),
        (CredentialsRejected("…"), "credentials_rejected"),
        (SourceUnavailable("…"), "source_unavailable"),
        (RateLimited("…", retry_after_s=1), "rate_limited"),
    ],
)
def test_reason_codes(error: Any, reason: str) -> None:
    assert events.reason(error.code) == reason


def test_a_source_that_is_away_has_not_failed(subscribed: Folder) -> None:
    subscribed.path.rename(subscribed.path.with_name("unplugged"))
    with tenant_context(subscribed.tenant):
        with transaction.atomic():
            run = schedule.request_sweep(subscribed.connection, trigger=SyncRun.Trigger.SCHEDULE)
        assert engine.work(run.pk) is engine.Outcome.WAITS
    assert taken(subscribed) == []


def test_a_cancelled_sync_has_not_failed(subscribed: Folder, committed_world: World) -> None:
    with tenant_context(subscribed.tenant), transaction.atomic():
        run = schedule.request_sweep(subscribed.connection, trigger=SyncRun.Trigger.SCHEDULE)
        assert by_hand.cancel(run, actor_id=committed_world.ida.pk)
        announce.sync_failed(run, SourceUnavailable("…"))
    assert taken(subscribed) == []


def test_a_page_whose_claim_is_lost_tells_nothing(subscribed: Folder) -> None:
    subscribed.write(a="# A")
    with tenant_context(subscribed.tenant):
        with transaction.atomic():
            run = schedule.request_sweep(subscribed.connection, trigger=SyncRun.Trigger.SCHEDULE)
        token = runs.claim(run.pk)
        assert token is not None
        with transaction.atomic():
            SyncRun.objects.filter(pk=run.pk).update(claim=None)
            stale = SyncRun.objects.select_related("connection").get(pk=run.pk)
        with pytest.raises(runs.ClaimLost):
            engine._finish(stale, token)
    assert taken(subscribed) == []


MANIFEST = """
version: 1
groups:
  staff: {members: [ada@acme.example]}
folders:
  ".": {readers: [staff]}
  finance: {readers: [staff], inherit: false}
"""


@pytest.fixture
def share(committed_world: World, tmp_path: Path, settings: LazySettings) -> Folder:
    settings.KENWARD_FOLDER_ROOTS = [tmp_path]
    path = tmp_path / "share"
    path.mkdir()
    (path / "kenward.yaml").write_text(MANIFEST)
    made = connect(committed_world.acme, path, access="manifest")
    made.write(plan="# P", finance__budget="# B")
    made.sweep()
    subscribe(made.tenant, URL)
    return made


def edited(share: Folder, old: str, new: str) -> list[dict[str, Any]]:
    """Change the manifest, and return what is told of permissions."""
    manifest = share.path / "kenward.yaml"
    assert old in manifest.read_text()
    manifest.write_text(manifest.read_text().replace(old, new))
    share.permissions_changed()
    return data_of(share, EventName.PERMISSIONS_CHANGED)


def test_another_grant_names_its_place(share: Folder) -> None:
    (told,) = edited(share, "finance: {readers: [staff]", "finance: {readers: [bo@acme.example]")
    assert told["connection"] == str(share.connection.uuid)
    assert told["places"] == ["finance/"]
    assert told["counts"] == {"grants": 2, "members": 0, "places": 1, "documents": 0}
    assert "acme.example" not in json.dumps(told)


def test_another_member_counts(share: Folder) -> None:
    (told,) = edited(share, "[ada@acme.example]", "[ada@acme.example, bo@acme.example]")
    assert (told["places"], told["counts"]["members"]) == ([], 1)


def test_a_place_that_cuts_no_more_is_told_of(share: Folder) -> None:
    (told,) = edited(share, ", inherit: false", "")
    assert told["places"] == ["finance/"]
    assert told["counts"]["grants"] == 0 < told["counts"]["places"]


def test_permissions_that_stay_tell_nothing(share: Folder) -> None:
    assert edited(share, "version: 1", "version: 1  # still") == []


def test_a_document_that_gets_other_readers_counts(share: Folder) -> None:
    told = edited(
        share, "folders:", "files:\n  plan.md: {readers: [staff], inherit: false}\nfolders:"
    )
    share.sweep()
    told += data_of(share, EventName.PERMISSIONS_CHANGED)
    assert sum(each["counts"]["documents"] for each in told) == 1


def test_only_so_many_places_are_named() -> None:
    data = events.permission_data("c", "r", {"places": 900}, (f"p{n:03}" for n in range(900)))
    assert data["places"] == [f"p{n:03}" for n in range(MOST_PLACES)]
    assert data["counts"] == {"places": 900}


def test_no_message_holds_what_documents_say_or_who_people_are(share: Folder) -> None:
    share.write(secret=f"# {WORDS}\n\nBy Ada: {WORDS}.")
    share.sweep()
    edited(share, "[ada@acme.example]", "[ada@acme.example, bo@acme.example]")
    share.write(secret=f"# {WORDS}, again")
    share.sweep()
    with tenant_context(share.tenant), transaction.atomic():
        canary_planting.plant()
    told = json.dumps(taken(share))
    assert "document.created" in told or "document.updated" in told
    for word in ("quokkas", "Ada", "@", "KWC"):
        assert word not in told


def test_without_endpoints_a_sync_writes_nothing_and_asks_little(folder: Folder) -> None:
    folder.write(**{f"file{number:03}": f"# {number}" for number in range(200)})
    with tenant_context(folder.tenant), CaptureQueriesContext(connection) as asked:
        folder.sweep()
    assert taken(folder) == []
    about = [each["sql"] for each in asked if "webhook" in each["sql"]]
    assert all("webhookendpoint" in each and each.startswith("SELECT") for each in about)
    with tenant_context(folder.tenant), transaction.atomic():
        pages = sum(SyncRun.objects.values_list("pages", flat=True))
    assert len(about) <= 2 * pages + 4


def test_every_event_is_described() -> None:
    page = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text(encoding="utf-8")
    assert [name for name in (*SUBSCRIBABLE, EventName.TEST) if f"`{name}`" not in page] == []
