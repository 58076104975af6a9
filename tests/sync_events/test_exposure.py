"""The exposure dry run asks the source, slice by slice, and stores nothing but its report."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.db import transaction
from django.utils import timezone

from apps.acls.models import Acl, Principal
from apps.audit.models import Event
from apps.connections import change
from apps.connections.errors import SourceUnavailable
from apps.connections.models import Connection
from apps.connections.providers.file_share.connector import FileShare
from apps.documents.models import Document
from apps.sync_events.exposure import collect, outcome, reports
from apps.sync_events.exposure.collect import Outcome
from apps.sync_events.exposure.models import (
    ExposureLine,
    ExposurePage,
    ExposureReport,
    LineKind,
    ReportState,
    Stage,
)
from apps.sync_events.runs import ClaimLost
from apps.tenants.context import tenant_context
from tests.sync_events.folder import Folder, connect
from tests.world import World

MANIFEST = """
version: 1
groups:
  staff: {members: [ada@acme.example, bo@acme.example, zoe@else.example]}
  finance: {members: [ada@acme.example]}
folders:
  ".": {readers: [staff]}
  finance: {readers: [finance], inherit: false}
  empty: {readers: [], inherit: false}
"""


@pytest.fixture
def share(committed_world: World, tmp_path: Path, settings: LazySettings) -> Folder:
    """Return a folder with a manifest that was chosen and not started."""
    settings.KENWARD_FOLDER_ROOTS = [tmp_path]
    path = tmp_path / "share"
    path.mkdir()
    (path / "kenward.yaml").write_text(MANIFEST)
    folder = connect(committed_world.acme, path, access="manifest")
    folder.write(handbook="# H", finance__budget="# B", finance__rates="# R", empty__lost="# L")
    with tenant_context(folder.tenant):
        change.pause(connection=folder.connection, actor=committed_world.ida)
    return folder


def ask(folder: Folder, world: World, **proposed: object) -> ExposureReport:
    with tenant_context(folder.tenant), transaction.atomic():
        settings = {**folder.connection.settings, **proposed} if proposed else None
        return reports.request(folder.connection, actor_id=world.ida.pk, proposed=settings)


def work_off(folder: Folder, report: ExposureReport) -> ExposureReport:
    with tenant_context(folder.tenant):
        for _ in range(100):
            if collect.work(report.pk) is not Outcome.MORE:
                break
        with transaction.atomic():
            report.refresh_from_db()
    return report


def lines(folder: Folder, kind: LineKind) -> dict[str, ExposureLine]:
    with tenant_context(folder.tenant), transaction.atomic():
        return {line.label: line for line in ExposureLine.objects.filter(kind=kind)}


def test_a_paused_connection_is_reported_and_nothing_of_it_is_stored(
    share: Folder, committed_world: World
) -> None:
    report = work_off(share, ask(share, committed_world))
    assert (report.state, report.error) == (ReportState.DONE, "")
    assert (report.result["documents"], report.result["new"]) == (4, 4)
    assert report.result["people"] == {"members": 3, "reading": 2, "gaining": 2, "losing": 0}
    people = lines(share, LineKind.PERSON)
    read = {name: (line.documents, line.gained) for name, line in people.items()}
    assert read == {"Ada": (3, 3), "Bo": (1, 1), "Ida": (0, 0)}
    unmatched = lines(share, LineKind.UNMATCHED)["zoe@else.example"]
    assert (unmatched.documents, unmatched.note) == (1, "No member has verified this address.")
    assert report.result["nobody"] == {"documents": 1, "paths": ["empty/lost.md"]}
    assert lines(share, LineKind.PUBLIC) == {}
    folders = {name: line.documents for name, line in lines(share, LineKind.FOLDER).items()}
    assert folders == {"finance": 2, "empty": 1, "Not in a folder": 1}
    assert report.result["types"] == [["Markdown", 4, 12]]
    with tenant_context(share.tenant), transaction.atomic():
        realm = share.connection.realm
        assert not Document.objects.filter(connection=share.connection).exists()
        assert not Acl.objects.filter(realm=realm).exists()
        assert not Principal.objects.filter(realm=realm).exists()
        assert not ExposurePage.objects.exists(), "what was told is forgotten"
        actions = Event.objects.filter(action__startswith="exposure.").order_by("pk")
        assert list(actions.values_list("action", flat=True)) == [
            "exposure.requested", "exposure.finished"
        ]  # fmt: skip


def test_another_audience_is_compared_with_what_people_read_now(
    folder: Folder, committed_world: World
) -> None:
    folder.write(a="# A", b__c="# C")
    folder.sweep()
    proposed = {"access": "listed", "audience": ["ada@acme.example"]}
    report = work_off(folder, ask(folder, committed_world, **proposed))
    people = lines(folder, LineKind.PERSON)
    moves = {name: (line.documents, line.gained, line.lost) for name, line in people.items()}
    assert moves == {"Ada": (2, 0, 0), "Bo": (0, 0, 2), "Ida": (0, 0, 2)}
    assert report.result["new"] == 0
    with tenant_context(folder.tenant), transaction.atomic():
        assert Connection.objects.get().settings["access"] == "all_members"


def test_what_all_members_would_read_is_public(folder: Folder, committed_world: World) -> None:
    folder.write(a="# A", b__c="# C")
    report = work_off(folder, ask(folder, committed_world))
    (line,) = lines(folder, LineKind.PUBLIC).values()
    assert (line.label, line.documents) == ("All members (guests excepted)", 2)
    assert line.paths == ["a.md", "b/c.md"]
    assert report.result["public"] == {"everyone": 0, "members": 2, "link": 0}


def test_what_has_gone_from_the_source_is_lost(folder: Folder, committed_world: World) -> None:
    folder.write(a="# A", b="# B")
    folder.sweep()
    (folder.path / "a.md").unlink()
    report = work_off(folder, ask(folder, committed_world))
    assert (report.result["documents"], report.result["gone"]) == (1, 1)
    assert {line.lost for line in lines(folder, LineKind.PERSON).values()} == {1}


def test_the_file_system_s_rights_are_reported(
    committed_world: World, tmp_path: Path, settings: LazySettings
) -> None:
    settings.KENWARD_FOLDER_ROOTS = [tmp_path]
    path = tmp_path / "server"
    path.mkdir(mode=0o755)
    folder = connect(committed_world.acme, path, access="posix")
    folder.write(open="# O", shut="# S")
    (path / "open.md").chmod(0o644)
    (path / "shut.md").chmod(0o600)
    work_off(folder, ask(folder, committed_world, others_are_members=True))
    people = lines(folder, LineKind.PERSON)
    assert {line.documents for line in people.values()} == {1}
    waiting = [line for line in lines(folder, LineKind.UNMATCHED).values() if line.documents]
    assert {line.documents for line in waiting} == {1}, "the one that others may not read"
    assert {line.note for line in waiting} == {"The source tells no address of this person."}


def test_it_goes_on_slice_by_slice_and_after_a_killed_worker(
    folder: Folder, committed_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collect, "SLICE_S", 0.0)
    folder.write(**{f"f{number:03}": "# F" for number in range(450)})
    report = ask(folder, committed_world)
    slices = 0
    with tenant_context(folder.tenant):
        while collect.work(report.pk) is Outcome.MORE:
            slices += 1
            with transaction.atomic():
                report.refresh_from_db()
            if slices == 3:
                token = reports.claim(report.pk)  # and is never heard of again
                assert token is not None
                assert collect.work(report.pk) is Outcome.NOT_OURS
                with transaction.atomic():
                    silent = timezone.now() - timedelta(minutes=1)
                    ExposureReport.objects.update(heartbeat_at=silent)
        with transaction.atomic():
            report.refresh_from_db()
    assert slices > 4
    assert (report.state, report.result["documents"]) == (ReportState.DONE, 450)


def test_a_first_step_that_was_cut_short_is_begun_again(
    folder: Folder, committed_world: World
) -> None:
    folder.write(a="# A")
    report = ask(folder, committed_world)
    with tenant_context(folder.tenant), transaction.atomic():
        ExposurePage.objects.create(
            tenant=folder.tenant, report=report, stage=Stage.PERMISSIONS, number=7, told=b"torn"
        )
    assert work_off(folder, report).state == ReportState.DONE


def test_a_large_source_is_looked_at_in_part(
    folder: Folder, committed_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collect, "ITEMS_AT_MOST", 200)
    folder.write(**{f"f{number:03}": "# F" for number in range(450)})
    folder.sweep()
    report = work_off(folder, ask(folder, committed_world))
    assert report.is_truncated
    assert (report.result["documents"], report.result["gone"]) == (200, 0)
    assert report.result["notes"] == ["Only the first 200 documents were looked at."]


def test_a_source_that_does_not_answer_is_asked_again_then_given_up(
    folder: Folder, committed_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write(a="# A")
    away = folder.path.with_name("away")
    folder.path.rename(away)
    report = ask(folder, committed_world)
    with tenant_context(folder.tenant):
        assert collect.work(report.pk) is Outcome.WAITS
        assert collect.work(report.pk) is Outcome.NOT_OURS, "not before its time"
        for _ in collect._BACK_OFF_S:
            with transaction.atomic():
                ExposureReport.objects.update(not_before=None)
            ended = collect.work(report.pk)
        with transaction.atomic():
            report.refresh_from_db()
            assert Connection.objects.get().state == "active", "the connection is left alone"
    assert (ended, report.state) == (Outcome.ENDED, ReportState.FAILED)
    assert "not there" in report.error
    with pytest.raises(SourceUnavailable):
        FileShare(folder.connection.settings, tenant_slug="acme").check()


def test_a_fault_is_met_a_few_times_and_then_the_report_has_failed(
    folder: Folder, committed_world: World
) -> None:
    report = ask(folder, committed_world)
    with tenant_context(folder.tenant):
        with transaction.atomic():
            ExposurePage.objects.create(
                tenant=folder.tenant, report=report, stage=Stage.ITEMS, number=0, told=b"torn"
            )
            ExposureReport.objects.update(stage=Stage.OUTCOME)
        for _ in collect._BACK_OFF_S:
            assert collect.work(report.pk) is Outcome.WAITS
            with transaction.atomic():
                ExposureReport.objects.update(not_before=None)
        assert collect.work(report.pk) is Outcome.ENDED
        with transaction.atomic():
            report.refresh_from_db()
    assert report.state == ReportState.FAILED
    assert report.error == "Kenward could not go on because of a fault."


def test_a_newer_request_takes_the_place_of_an_older_one(
    folder: Folder, committed_world: World
) -> None:
    folder.write(a="# A")
    first, second = ask(folder, committed_world), ask(folder, committed_world)
    with tenant_context(folder.tenant):
        assert collect.work(first.pk) is Outcome.NOT_OURS
    assert work_off(folder, second).state == ReportState.DONE


def test_cancelled_while_it_is_worked_on_it_stays_cancelled(
    folder: Folder, committed_world: World
) -> None:
    folder.write(a="# A")
    report = ask(folder, committed_world)
    with tenant_context(folder.tenant):
        token = reports.claim(report.pk)
        assert token is not None
        with transaction.atomic():
            report.refresh_from_db()
        assert reports.cancel(report, actor_id=committed_world.ida.pk)
        with pytest.raises(ClaimLost):
            outcome.make(report, token)
        with transaction.atomic():
            report.refresh_from_db()
    assert report.state == ReportState.CANCELLED


def test_old_reports_are_pruned(folder: Folder, committed_world: World) -> None:
    folder.write(a="# A")
    report = work_off(folder, ask(folder, committed_world))
    with tenant_context(folder.tenant):
        reports.prune()
        with transaction.atomic():
            assert ExposureReport.objects.exists()
            long_ago = timezone.now() - reports.KEPT - timedelta(hours=1)
            ExposureReport.objects.filter(pk=report.pk).update(created_at=long_ago)
        reports.prune()
        with transaction.atomic():
            assert not ExposureReport.objects.exists()
            assert not ExposureLine.objects.exists()
