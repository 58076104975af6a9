"""What a sync would open waits for an IT admin where that is wanted; what it closes never does."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import LazySettings
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.acls import resolve
from apps.acls.models import HoldState
from apps.documents.models import Document
from apps.errors import InvalidInput
from apps.sync_events import holds, holds_changes
from apps.sync_events.models import SyncEvent
from apps.tenants.context import tenant_context
from apps.tenants.models import Role
from tests.sync_events.folder import Folder
from tests.sync_events.holding import OPEN_FINANCE, changes, decide, held, made, recorded, set_hold
from tests.sync_events.test_manifest_changes import edit, readable
from tests.world import World, make_member, signed_in


@pytest.fixture
def share(committed_world: World, tmp_path: Path, settings: LazySettings) -> Folder:
    settings.KENWARD_FOLDER_ROOTS = [tmp_path]
    return held(committed_world, tmp_path / "share")


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


def test_a_large_swing_is_told_with_its_numbers_where_nothing_is_held(share: Folder) -> None:
    set_hold(share, None)
    fill(share, "finance/rates.md", holds.ALARM_ABOVE)
    edit(share, *OPEN_FINANCE)
    with tenant_context(share.tenant), transaction.atomic():
        event = SyncEvent.objects.get(code="permissions_widened")
    assert event.level == "warning"
    assert "1,002 documents to 1 person" in event.message
    assert recorded(share, "permissions.widened") == ["permissions.widened"]


def fill(folder: Folder, path: str, count: int) -> None:
    """Let many more documents be there with the readers of one that is."""
    like = folder.documents()[path]
    with tenant_context(folder.tenant), transaction.atomic():
        Document.objects.bulk_create(
            Document(
                tenant=folder.tenant,
                connection=folder.connection,
                external_id=f"{path}/{number}",
                policy_id=like.policy_id,
                title="Rates",
                path=f"{path}/{number}",
                source_version="1",
                last_synced_at=timezone.now(),
            )
            for number in range(count)
        )


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
