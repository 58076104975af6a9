"""From an edited manifest to what people may read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Self

import pytest
from django.conf import LazySettings
from django.db import transaction

from apps.accounts.models import User
from apps.connections import providers
from apps.connections.providers.file_share import pages as file_pages
from apps.documents.access import can_read
from apps.sync_events import pages, runs
from apps.sync_events.models import FailedItem, Lane, SyncEvent, SyncRun
from apps.tenants.context import tenant_context
from tests.sync_events.folder import Folder, connect
from tests.world import World, assert_visible

OPEN = """
version: 1
groups:
  staff: {members: [ada@acme.example, bo@acme.example, cy@umbra.example]}
  finance: {members: [ada@acme.example]}
folders:
  ".": {readers: [staff]}
  finance: {readers: [finance], inherit: false}
files:
  plan.md: {readers: [finance], inherit: false}
  finance/rates.md: {readers: [staff]}
"""


@pytest.fixture
def share(committed_world: World, tmp_path: Path, settings: LazySettings) -> Folder:
    settings.KENWARD_FOLDER_ROOTS = [tmp_path]
    path = tmp_path / "share"
    path.mkdir()
    (path / "kenward.yaml").write_text(OPEN)
    folder = connect(committed_world.acme, path, access="manifest")
    folder.write(handbook="# H", plan="# P", finance__budget="# B", finance__rates="# R")
    folder.sweep()
    return folder


def readable(folder: Folder, user: User) -> list[str]:
    with tenant_context(folder.tenant):
        documents = folder.documents()
        with transaction.atomic():
            return [path for path, document in documents.items() if can_read(user, document)]


def edit(folder: Folder, old: str, new: str) -> None:
    manifest = folder.path / "kenward.yaml"
    before = manifest.read_text()
    assert old in before
    manifest.write_text(before.replace(old, new))
    folder.permissions_changed()


def test_the_manifest_decides_who_reads(share: Folder, committed_world: World) -> None:
    everything = ["handbook.md", "plan.md", "finance/budget.md", "finance/rates.md"]
    assert_visible(readable(share, committed_world.ada), seen=everything, hidden=[])
    assert_visible(
        readable(share, committed_world.bo),
        seen=["handbook.md", "finance/rates.md"],
        hidden=["plan.md", "finance/budget.md"],
    )


def test_the_manifest_itself_is_no_document(share: Folder) -> None:
    assert "kenward.yaml" not in share.documents()


def test_a_person_of_another_tenant_reads_nothing(share: Folder, committed_world: World) -> None:
    """The manifest names cy@umbra.example, who is no member here."""
    assert readable(share, committed_world.cy) == []
    assert readable(share, committed_world.ida) == []


def test_who_leaves_a_group_reads_no_more(share: Folder, committed_world: World) -> None:
    edit(share, "finance: {members: [ada@acme.example]}", "finance: {members: []}")
    assert_visible(
        readable(share, committed_world.ada),
        seen=["handbook.md", "finance/rates.md"],
        hidden=["plan.md", "finance/budget.md"],
    )


def test_an_exception_that_comes_and_goes(share: Folder, committed_world: World) -> None:
    edit(share, "  plan.md: {readers: [finance], inherit: false}\n", "")
    assert "plan.md" in readable(share, committed_world.bo)
    edit(share, "files:\n", "files:\n  handbook.md: {readers: [], inherit: false}\n")
    assert "handbook.md" not in readable(share, committed_world.bo)


def test_an_invalid_manifest_means_nobody_and_an_event(
    share: Folder, committed_world: World
) -> None:
    edit(share, "version: 1", "version: [1")
    assert readable(share, committed_world.ada) == []
    with tenant_context(share.tenant), transaction.atomic():
        assert SyncEvent.objects.filter(level="error", external_id="kenward.yaml").exists()
        assert not FailedItem.objects.exists()
    edit(share, "version: [1", "version: 1")
    assert "plan.md" in readable(share, committed_world.ada)


def test_an_older_content_page_does_not_bring_an_old_policy_back(
    share: Folder, committed_world: World
) -> None:
    with tenant_context(share.tenant):
        older = list(providers.connector_for(share.connection).changes(["handbook.md"]))
    edit(share, "files:\n", "files:\n  handbook.md: {readers: [], inherit: false}\n")
    with tenant_context(share.tenant):
        with transaction.atomic():
            run = runs.request(share.connection, Lane.CONTENT, trigger=SyncRun.Trigger.CHANGE)
        token = runs.claim(run.pk)
        assert token is not None
        for page in older:
            pages.apply(run.pk, token, page, moves_cursor=False)
    assert "handbook.md" not in readable(share, committed_world.bo)


class AnHourAhead(datetime):
    """A clock that is wrong."""

    @classmethod
    def now(cls, tz: tzinfo | None = UTC) -> Self:
        return super().now(tz) + timedelta(hours=1)


@pytest.mark.parametrize(
    ("old", "new", "lost"),
    [
        ('".": {readers: [staff]}', '".": {readers: []}', "handbook.md"),
        ("finance: {members: [ada@acme.example]}", "finance: {members: []}", "plan.md"),
        ("files:\n", "files:\n  handbook.md: {readers: [], inherit: false}\n", "handbook.md"),
    ],
    ids=["readers of a place", "members of a group", "policy of a document"],
)
def test_a_revocation_counts_after_a_clock_that_ran_ahead(
    share: Folder,
    committed_world: World,
    monkeypatch: pytest.MonkeyPatch,
    old: str,
    new: str,
    lost: str,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(file_pages, "datetime", AnHourAhead)
        share.sweep()
    assert lost in readable(share, committed_world.ada)
    edit(share, old, new)
    assert lost not in readable(share, committed_world.ada)


def test_a_deletion_counts_after_a_clock_that_ran_ahead(
    share: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(file_pages, "datetime", AnHourAhead)
        share.sweep()
    (share.path / "handbook.md").unlink()
    share.changed("handbook.md")
    assert "handbook.md" not in share.documents()
    (share.path / "plan.md").unlink()
    share.sweep()
    assert "plan.md" not in share.documents()
