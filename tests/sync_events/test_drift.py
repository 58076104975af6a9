"""Our answers held against the folder's own: what is no drift, what is, and how it is mended."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.db import transaction

from apps.acls.models import AclEntry, HeldChange, HoldState
from apps.audit.models import Event
from apps.connections.models import Connection
from apps.sync_events import drift, drift_sample, holds_changes, schedule
from apps.sync_events.drift_models import DriftCheck, DriftMismatch
from apps.sync_events.models import SyncEvent, SyncRun
from apps.tenants.context import tenant_context
from tests.sync_events.folder import Folder, connect
from tests.world import World, signed_in

RULES = """
version: 1
groups: {staff: {members: [ada@acme.example, bo@acme.example]}}
folders:
  ./: {readers: [staff]}
  secret: {readers: [ada@acme.example], inherit: false}
"""
WITHOUT_BO = RULES.replace(", bo@acme.example", "")


@pytest.fixture
def synced(committed_world: World, tmp_path: Path, settings: LazySettings) -> Folder:
    """A folder with rules, as a sync left it."""
    settings.KENWARD_FOLDER_ROOTS = [tmp_path]
    path = tmp_path / "share"
    path.mkdir()
    (path / "kenward.yaml").write_text(RULES)
    made = connect(committed_world.acme, path, access="manifest")
    made.write(plan="# Plan", secret__pay="# Pay")
    made.sweep()
    return made


def step(folder: Folder) -> None:
    """Take the check a step further, at a time at which it is due."""
    with tenant_context(folder.tenant):
        drift.work(random.Random(1))  # noqa: S311  the same sample each time


def ripen(folder: Folder) -> None:
    """Let the time pass that a change is given to arrive."""
    with tenant_context(folder.tenant), transaction.atomic():
        for check in DriftCheck.objects.filter(finished_at=None):
            check.ask_again_at -= drift.NOTICED_WITHIN
            check.save()


def let_hours_pass(folder: Folder) -> None:
    with tenant_context(folder.tenant), transaction.atomic():
        for check in DriftCheck.objects.all():
            DriftCheck.objects.filter(pk=check.pk).update(
                started_at=check.started_at - timedelta(hours=2)
            )


def work_off(folder: Folder) -> None:
    with tenant_context(folder.tenant):
        folder.work_off()


def last(folder: Folder) -> DriftCheck:
    with tenant_context(folder.tenant), transaction.atomic():
        return DriftCheck.objects.latest("started_at")


def mismatches(folder: Folder) -> list[DriftMismatch]:
    with tenant_context(folder.tenant), transaction.atomic():
        return list(DriftMismatch.objects.select_related("document", "user").order_by("pk"))


def leak(folder: Folder, world: World) -> None:
    """Let everybody who reads the folder read the secret too: only in our rows."""
    with tenant_context(folder.tenant), transaction.atomic():
        open_entry = AclEntry.objects.get(content_object__external_id="./")
        closed = AclEntry.objects.get(content_object__external_id="secret/")
        AclEntry.objects.filter(pk=closed.pk).update(group_id=open_entry.group_id)


def test_a_sample_holds_what_we_allow_and_what_we_deny(
    synced: Folder, committed_world: World
) -> None:
    with tenant_context(synced.tenant):
        pairs = drift_sample.sample(synced.connection, random.Random(1))  # noqa: S311
        judged = drift_sample.judge(synced.connection, pairs)
    answers = {(one.pair.user, one.pair.document.path): one.ours for one in judged}
    assert answers == {
        (committed_world.ada, "plan.md"): True,
        (committed_world.ada, "secret/pay.md"): True,
        (committed_world.bo, "plan.md"): True,
        (committed_world.bo, "secret/pay.md"): False,
        (committed_world.ida, "plan.md"): False,
        (committed_world.ida, "secret/pay.md"): False,
    }
    assert all(one.theirs == one.ours for one in judged)


def test_agreement_is_counted_once_an_hour(synced: Folder) -> None:
    step(synced)
    step(synced)
    with tenant_context(synced.tenant), transaction.atomic():
        check = DriftCheck.objects.get()
    assert (check.asked, check.agreed, check.rate) == (6, 6, 0.0)
    assert check.finished_at is not None and not mismatches(synced)
    let_hours_pass(synced)
    step(synced)
    assert last(synced).pk != check.pk


def test_a_change_that_has_not_arrived_yet_is_no_drift(synced: Folder) -> None:
    manifest = synced.path / "kenward.yaml"
    manifest.write_text(WITHOUT_BO)
    step(synced)
    check = last(synced)
    assert check.finished_at is None and len(check.disputed) == 1
    synced.permissions_changed()
    ripen(synced)
    step(synced)
    check = last(synced)
    assert check.finished_at is not None
    assert (check.agreed, check.leaks, check.losses) == (6, 0, 0) and not mismatches(synced)


def test_a_check_waits_for_what_is_under_way(synced: Folder, committed_world: World) -> None:
    leak(synced, committed_world)
    step(synced)
    ripen(synced)
    with tenant_context(synced.tenant), transaction.atomic():
        schedule.request_permissions(synced.connection, trigger=SyncRun.Trigger.CHANGE)
    step(synced)
    assert last(synced).finished_at is None


def test_a_leak_is_counted_explained_alarmed_and_mended(
    synced: Folder, committed_world: World
) -> None:
    leak(synced, committed_world)
    step(synced)
    ripen(synced)
    step(synced)
    check = last(synced)
    assert (check.leaks, check.losses, check.agreed) == (1, 0, 5)
    assert check.rate == pytest.approx(1 / 6)
    (found,) = mismatches(synced)
    assert (found.user, found.document.path) == (committed_world.bo, "secret/pay.md")
    assert found.ours and not found.theirs and found.repair_requested_at
    assert "staff" in found.explanation and "/secret" in found.explanation
    with tenant_context(synced.tenant), transaction.atomic():
        event = SyncEvent.objects.get(code="permission_drift")
        assert event.level == SyncEvent.Level.ERROR and "1 of 6" in event.message
    work_off(synced)
    let_hours_pass(synced)
    step(synced)
    (mended,) = mismatches(synced)
    assert mended.repaired_at is not None
    assert last(synced).agreed == 6


def test_what_we_keep_back_is_a_loss(synced: Folder) -> None:
    with tenant_context(synced.tenant), transaction.atomic():
        AclEntry.objects.filter(content_object__external_id="secret/").delete()
    step(synced)
    ripen(synced)
    step(synced)
    check = last(synced)
    assert (check.leaks, check.losses) == (0, 1)
    (found,) = mismatches(synced)
    assert not found.ours and found.theirs and found.explanation
    with tenant_context(synced.tenant), transaction.atomic():
        assert not SyncEvent.objects.filter(code="permission_drift").exists()


@pytest.mark.parametrize("refuses", [False, True])
def test_what_an_admin_holds_back_is_no_drift(
    synced: Folder, committed_world: World, refuses: bool
) -> None:
    with tenant_context(synced.tenant), transaction.atomic():
        Connection.objects.update(hold_above=0)
    open_to_bo = RULES.replace("readers: [ada@acme.example]", "readers: [staff]")
    (synced.path / "kenward.yaml").write_text(open_to_bo)
    synced.sweep()
    if refuses:
        with tenant_context(synced.tenant), transaction.atomic():
            held = HeldChange.objects.get(state=HoldState.WAITING)
            holds_changes.decide(
                held, agrees=False, seen=held.fingerprint, actor_id=committed_world.ida.pk
            )
    step(synced)
    check = last(synced)
    assert check.finished_at is not None and check.losses == 0
    assert check.agreed == check.asked > 0
    with tenant_context(synced.tenant), transaction.atomic():  # what nobody held is lost as before
        AclEntry.objects.filter(content_object__external_id="./").delete()
    let_hours_pass(synced)
    step(synced)
    ripen(synced)
    step(synced)
    assert {one.document.external_id for one in mismatches(synced)} == {"plan.md"}


def test_hidden_documents_are_not_asked_about(synced: Folder) -> None:
    with tenant_context(synced.tenant), transaction.atomic():
        Connection.objects.update(permissions_confirmed_at=None)
    step(synced)
    with tenant_context(synced.tenant), transaction.atomic():
        assert not DriftCheck.objects.exists()


def test_the_page_shows_the_rate_and_each_mismatch_and_repairs(
    synced: Folder, committed_world: World
) -> None:
    browser = signed_in(committed_world.ida)
    url = "/admin/sync_events/driftmismatch/"
    assert "No source has been asked yet" in browser.get(url).content.decode()
    leak(synced, committed_world)
    step(synced)
    ripen(synced)
    step(synced)
    page = browser.get(url).content.decode()
    assert "16.67 %" in page and "secret/pay.md" in page and "We allow, the source denies" in page
    (found,) = mismatches(synced)
    shown = browser.get(f"{url}{found.pk}/change/").content.decode()
    assert "bo@acme.example" in shown and "Repair now" in shown
    assert ">Pay<" not in page + shown  # what the document is called
    work_off(synced)
    browser.post(url, {"action": "repair", "_selected_action": [str(found.pk)]})
    with tenant_context(synced.tenant), transaction.atomic():
        assert Event.objects.get(action="drift.repair_requested").actor == committed_world.ida
        assert synced.connection.hints.exists()
    assert browser.get("/admin/sync_events/driftcheck/").status_code == 200
