"""What a sync would open waits for an IT admin where that is wanted; what it closes never does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.acls import resolve
from apps.acls.models import HeldChange, HoldState
from apps.audit.models import Event
from apps.connections.models import Connection
from apps.errors import InvalidInput
from apps.sync_events import holds, holds_changes
from apps.sync_events.holds_page import Widening
from apps.sync_events.models import SyncEvent
from apps.tenants.context import tenant_context
from apps.tenants.models import Role
from tests.sync_events.folder import Folder, connect
from tests.sync_events.test_manifest_changes import edit, readable
from tests.world import World, make_member, signed_in

MANIFEST = """
version: 1
groups:
  staff: {members: [ada@acme.example, bo@acme.example]}
  finance: {members: [ada@acme.example]}
folders:
  ".": {readers: [staff]}
  finance: {readers: [finance], inherit: false}
"""
OPEN_FINANCE = (
    "{readers: [finance], inherit: false}",
    "{readers: [finance, staff], inherit: false}",
)


def made(world: World, path: Path, *, hold_above: int | None) -> Folder:
    path.mkdir()
    (path / "kenward.yaml").write_text(MANIFEST)
    folder = connect(world.acme, path, access="manifest")
    folder.write(handbook="# H", finance__budget="# B", finance__rates="# R")
    set_hold(folder, hold_above)
    folder.sweep()
    return folder


def set_hold(folder: Folder, above: int | None) -> None:
    with tenant_context(folder.tenant), transaction.atomic():
        Connection.objects.filter(pk=folder.connection.pk).update(hold_above=above)


@pytest.fixture
def share(committed_world: World, tmp_path: Path, settings: LazySettings) -> Folder:
    """Return a swept folder whose widenings wait above one document."""
    settings.KENWARD_FOLDER_ROOTS = [tmp_path]
    folder = made(committed_world, tmp_path / "share", hold_above=None)
    set_hold(folder, 1)
    return folder


def changes(folder: Folder, state: HoldState = HoldState.WAITING) -> list[HeldChange]:
    with tenant_context(folder.tenant), transaction.atomic():
        return list(HeldChange.objects.filter(state=state).order_by("pk"))


def decide(folder: Folder, world: World, *, agrees: bool) -> None:
    (change,) = changes(folder)
    with tenant_context(folder.tenant):
        holds_changes.decide(change, agrees=agrees, seen=change.fingerprint, actor_id=world.ida.pk)
        folder.work_off()


def recorded(folder: Folder, prefix: str) -> list[str]:
    with tenant_context(folder.tenant), transaction.atomic():
        found = Event.objects.filter(action__startswith=prefix).order_by("pk")
        return list(found.values_list("action", flat=True))


def test_a_widening_above_the_threshold_waits_and_a_narrowing_beside_it_does_not(
    share: Folder, committed_world: World
) -> None:
    bo = committed_world.bo
    assert readable(share, bo) == ["handbook.md"]
    manifest = share.path / "kenward.yaml"
    text = manifest.read_text().replace(*OPEN_FINANCE)
    manifest.write_text(text.replace("[ada@acme.example, bo@acme.example]", "[bo@acme.example]"))
    share.permissions_changed()
    assert readable(share, bo) == ["handbook.md"]
    assert "handbook.md" not in readable(share, committed_world.ada)
    (change,) = changes(share)
    assert (change.documents, change.people, len(change.sample_documents)) == (2, 1, 2)
    assert change.sample_people == [bo.pk]
    decide(share, committed_world, agrees=True)
    assert sorted(readable(share, bo)) == ["finance/budget.md", "finance/rates.md", "handbook.md"]
    assert changes(share) == []
    trail = recorded(share, "permissions.")
    assert trail.index("permissions.held") < trail.index("permissions.agreed")


def test_a_widening_below_the_threshold_passes_by_itself(
    share: Folder, committed_world: World
) -> None:
    set_hold(share, 2)
    edit(share, *OPEN_FINANCE)
    assert "finance/rates.md" in readable(share, committed_world.bo)
    assert changes(share) == []


def test_what_is_held_stays_one_change_over_sweeps_and_restarts(
    share: Folder, committed_world: World
) -> None:
    edit(share, *OPEN_FINANCE)
    (before,) = changes(share)
    share.sweep()
    share.changed("finance/rates.md")
    (after,) = changes(share)
    assert (after.pk, after.fingerprint) == (before.pk, before.fingerprint)
    with tenant_context(share.tenant), transaction.atomic():
        assert after.parts.count() == 1
        assert SyncEvent.objects.filter(code="permissions_held").count() == 1
    assert readable(share, committed_world.bo) == ["handbook.md"]


def test_what_is_refused_stays_held_without_asking_again(
    share: Folder, committed_world: World
) -> None:
    edit(share, *OPEN_FINANCE)
    decide(share, committed_world, agrees=False)
    share.sweep()
    share.permissions_changed()
    assert readable(share, committed_world.bo) == ["handbook.md"]
    assert changes(share) == [] and len(changes(share, HoldState.REFUSED)) == 1
    edit(share, *reversed(OPEN_FINANCE))
    edit(share, *OPEN_FINANCE)
    assert len(changes(share)) == 1, "taken back and wanted again is another wish"


def test_a_source_that_takes_it_back_leaves_nothing_to_decide(
    share: Folder, committed_world: World
) -> None:
    edit(share, *OPEN_FINANCE)
    edit(share, *reversed(OPEN_FINANCE))
    assert changes(share) == [] and len(changes(share, HoldState.WITHDRAWN)) == 1
    assert "finance/rates.md" in readable(share, committed_world.ada)


def test_nobody_agrees_to_more_than_they_have_seen(share: Folder, committed_world: World) -> None:
    edit(share, *OPEN_FINANCE)
    (seen,) = changes(share)
    edit(share, "finance, staff]", "finance, staff, ida@acme.example]")
    with tenant_context(share.tenant), pytest.raises(InvalidInput, match="meanwhile"):
        holds_changes.decide(
            seen, agrees=True, seen=seen.fingerprint, actor_id=committed_world.ida.pk
        )
    assert len(changes(share)) == 1
    assert readable(share, committed_world.bo) == ["handbook.md"]


def test_who_joins_a_group_waits_and_who_leaves_it_does_not(
    share: Folder, committed_world: World
) -> None:
    edit(share, "finance: {members: [ada@", "finance: {members: [bo@")
    assert readable(share, committed_world.bo) == ["handbook.md"]
    assert "finance/rates.md" not in readable(share, committed_world.ada)
    decide(share, committed_world, agrees=True)
    assert "finance/rates.md" in readable(share, committed_world.bo)


def test_a_place_that_is_cut_off_no_more_stays_so_until_agreed(
    share: Folder, committed_world: World
) -> None:
    edit(share, "{readers: [finance], inherit: false}", "{readers: [finance]}")
    assert readable(share, committed_world.bo) == ["handbook.md"]
    assert "finance/rates.md" in readable(share, committed_world.ada)
    decide(share, committed_world, agrees=True)
    assert "finance/rates.md" in readable(share, committed_world.bo)


def test_an_item_whose_own_rule_would_open_it_keeps_to_both_its_policies(
    share: Folder, committed_world: World
) -> None:
    set_hold(share, 0)
    rule = "files:\n  finance/rates.md: {readers: [staff], inherit: false}\n"
    edit(share, "folders:\n", f"{rule}folders:\n")
    assert readable(share, committed_world.bo) == ["handbook.md"]
    assert "finance/rates.md" in readable(share, committed_world.ada)
    decide(share, committed_world, agrees=True)
    with tenant_context(share.tenant), transaction.atomic():
        resolve.forget(committed_world.bo)  # a new policy is noticed a few seconds late
    assert "finance/rates.md" in readable(share, committed_world.bo)


def test_the_first_sync_waits_as_a_whole_where_holding_is_on(
    committed_world: World, tmp_path: Path, settings: LazySettings
) -> None:
    settings.KENWARD_FOLDER_ROOTS = [tmp_path]
    folder = made(committed_world, tmp_path / "new", hold_above=1_000)
    assert readable(folder, committed_world.ada) == []
    folder.permissions_changed()
    (change,) = changes(folder)
    assert (change.documents, change.people) == (3, 2)
    decide(folder, committed_world, agrees=True)
    assert len(readable(folder, committed_world.ada)) == 3
    assert readable(folder, committed_world.bo) == ["handbook.md"]


def test_a_large_swing_is_told_with_its_numbers_where_nothing_is_held(
    share: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_hold(share, None)
    monkeypatch.setattr(holds, "ALARM_ABOVE", 1)
    edit(share, *OPEN_FINANCE)
    with tenant_context(share.tenant), transaction.atomic():
        event = SyncEvent.objects.get(code="permissions_widened")
    assert event.level == "warning"
    assert "2 documents to 1 person" in event.message
    assert recorded(share, "permissions.widened") == ["permissions.widened"]


def test_what_cannot_be_counted_in_time_counts_as_large(
    share: Folder, committed_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_hold(share, 1_000_000)
    monkeypatch.setattr(holds, "LIMIT_S", 0.0)
    edit(share, *OPEN_FINANCE)
    (change,) = changes(share)
    assert change.documents is None
    assert readable(share, committed_world.bo) == ["handbook.md"]


def test_an_it_admin_decides_on_the_page_of_the_change_and_an_auditor_only_looks(
    share: Folder, committed_world: World, client: Client
) -> None:
    edit(share, *OPEN_FINANCE)
    (change,) = changes(share)
    page = reverse("admin:acls_heldchange_change", args=[change.pk])
    otto = make_member(committed_world.acme, "otto@acme.example", role=Role.AUDITOR)
    shown = signed_in(otto, client).get(page).content.decode()
    assert "finance/rates.md" in shown and "bo@acme.example" in shown and "staff may read" in shown
    assert 'value="agree"' not in shown
    decision = {
        "action": "agree", "index": "0", "select_across": "0",
        "_selected_action": change.pk, "_object": change.pk,
    }  # fmt: skip
    listed = reverse("admin:acls_heldchange_changelist")
    client.post(listed, {**decision, "fingerprint": change.fingerprint})
    assert len(changes(share)) == 1, "an auditor decides nothing"
    assert 'value="agree"' in signed_in(committed_world.ida, client).get(page).content.decode()
    client.post(listed, decision)
    client.post(listed, {**decision, "fingerprint": "of another time"})
    assert len(changes(share)) == 1, "nobody decides about what they were not shown"
    response = client.post(listed, {**decision, "fingerprint": change.fingerprint})
    assert response["Location"] == page
    assert changes(share) == [] and len(changes(share, HoldState.AGREED)) == 1
    with tenant_context(share.tenant):
        share.work_off()
    assert "finance/rates.md" in readable(share, committed_world.bo)


def meanwhile(act: Callable[[], object], folder: Folder) -> threading.Thread:
    """Start an act in a transaction of its own; return once it waits for this transaction."""

    def run() -> None:
        try:
            with tenant_context(folder.tenant), transaction.atomic():
                act()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    with connection.cursor() as cursor:
        while thread.is_alive():
            cursor.execute(
                "SELECT count(*) FROM pg_locks"
                " WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
            )
            if cursor.fetchone()[0]:
                break
    return thread


def test_what_a_sync_finds_while_an_admin_agrees_waits_for_another_decision(
    share: Folder, committed_world: World
) -> None:
    edit(share, *OPEN_FINANCE)
    (seen,) = changes(share)
    unseen = Widening("place:secret", (("may read", "members", "members"),))
    with tenant_context(share.tenant):
        with transaction.atomic():
            holds_changes.decide(
                seen, agrees=True, seen=seen.fingerprint, actor_id=committed_world.ida.pk
            )
            syncing = meanwhile(
                lambda: holds_changes.hold(
                    share.connection, [unseen], None, observed_at=timezone.now()
                ),
                share,
            )
        syncing.join()
        with transaction.atomic():
            known = holds_changes.decided(share.connection, [unseen.subject])
    assert known.of(unseen) == HoldState.WAITING
    assert [one.pk for one in changes(share, HoldState.AGREED)] == [seen.pk]


def test_what_a_source_takes_back_while_an_admin_refuses_does_not_undo_the_refusal(
    share: Folder, committed_world: World
) -> None:
    edit(share, *OPEN_FINANCE)
    (seen,) = changes(share)
    with tenant_context(share.tenant):
        with transaction.atomic():
            (subject,) = seen.parts.values_list("subject", flat=True)
            holds_changes.decide(
                seen, agrees=False, seen=seen.fingerprint, actor_id=committed_world.ida.pk
            )
            syncing = meanwhile(
                lambda: holds_changes.settle(share.connection, [subject], []), share
            )
        syncing.join()
    (refused,) = changes(share, HoldState.REFUSED)
    assert refused.pk == seen.pk and refused.fingerprint == seen.fingerprint
    assert changes(share, HoldState.WITHDRAWN) == []
