"""IT admins ask for exposure dry runs, auditors read them, and nobody else sees any."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.test import Client

from apps.audit.models import Event
from apps.connections.models import Connection
from apps.sync_events.exposure import collect
from apps.sync_events.exposure.models import ExposureReport, ReportState
from apps.sync_events.models import SyncRun
from apps.tenants.context import tenant_context
from apps.tenants.models import Role
from tests.connections.folders import Share
from tests.world import World, make_member, signed_in

CONNECTIONS = "/admin/connections/connection/"
REPORTS = "/admin/sync_events/exposurereport/"


@pytest.fixture(autouse=True)
def _uncollected_static_files(settings: Any) -> None:
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture
def share(tmp_path: Any, settings: Any) -> Share:
    folder = tmp_path / "share"
    folder.mkdir()
    settings.KENWARD_FOLDER_ROOTS = [tmp_path]
    made = Share(folder)
    made.write("=1+1/plan.md", "handbook.md")
    return made


def entered(share: Share, **more: Any) -> dict[str, Any]:
    return {
        "name": "Handbook", "path": str(share.folder), "access": "all_members", "audience": "",
        "sweep_interval_s": "900", **more,
    }  # fmt: skip


def latest(world: World) -> ExposureReport:
    with tenant_context(world.acme):
        return ExposureReport.objects.select_related("connection").latest("pk")


def done(world: World, report: ExposureReport) -> ExposureReport:
    with tenant_context(world.acme):
        while collect.work(report.pk) is collect.Outcome.MORE:
            pass
        report.refresh_from_db()
    assert report.state == ReportState.DONE, report.error
    return report


def act(client: Client, listed: str, action: str, pk: int) -> Any:
    return client.post(
        listed, {"action": action, "index": 0, "_selected_action": pk, "_object": pk}
    )


@pytest.fixture
def connection(world: World, share: Share) -> Connection:
    """Return a folder that is synced already."""
    signed_in(world.ida).post(f"{CONNECTIONS}add/", entered(share))
    with tenant_context(world.acme):
        return Connection.objects.get()


def test_a_new_connection_can_be_previewed_before_anything_is_synced(
    world: World, share: Share
) -> None:
    client = signed_in(world.ida)
    response = client.post(f"{CONNECTIONS}add/", entered(share, _exposure=""))
    report = latest(world)
    assert response["Location"] == f"{REPORTS}{report.pk}/change/"
    with tenant_context(world.acme):
        assert Connection.objects.get().state == "paused"
        assert not SyncRun.objects.exists()
    page = client.get(f"{CONNECTIONS}{report.connection_id}/change/").content.decode()
    assert "Nothing was compared with this source yet" in page
    assert f"{REPORTS}{report.pk}/change/" in page
    page = client.get(f"{REPORTS}{report.pk}/change/").content.decode()
    assert "data-live" in page and "What is public" not in page
    live = client.get(f"{REPORTS}{report.pk}/live/").json()
    assert live["is_over"] is False and "Queued" in live["html"]
    done(world, report)
    assert client.get(f"{REPORTS}{report.pk}/live/").json()["is_over"] is True
    page = client.get(f"{REPORTS}{report.pk}/change/").content.decode()
    for said in ("All members (guests excepted)", "=1+1/plan.md", "Ada", "3 of 3 members", "None:"):
        assert said in page, said


def test_entered_settings_are_previewed_and_saved_only_when_somebody_says_so(
    world: World, share: Share, connection: Connection
) -> None:
    client = signed_in(world.ida)
    page = f"{CONNECTIONS}{connection.pk}/change/"
    asked = entered(share, access="listed", audience="ada@acme.example", _exposure="")
    assert client.post(page, asked)["Location"].startswith(REPORTS)
    report = done(world, latest(world))
    assert report.proposed is not None and report.proposed["access"] == "listed"
    with tenant_context(world.acme):
        assert Connection.objects.get().settings["access"] == "all_members"
        assert not Event.objects.filter(action="connection.changed").exists()
    shown = client.get(f"{REPORTS}{report.pk}/change/").content.decode()
    assert "Not saved: " in shown and "Save these settings" in shown
    assert act(client, REPORTS, "use_settings", report.pk).status_code == 302
    with tenant_context(world.acme):
        assert Connection.objects.get().settings["audience"] == ["ada@acme.example"]
        assert Event.objects.filter(action="connection.changed").count() == 1


def test_what_cannot_work_is_shown_at_its_field_and_not_previewed(
    world: World, share: Share, connection: Connection
) -> None:
    asked = entered(share, access="listed", audience="nobody", _exposure="")
    response = signed_in(world.ida).post(f"{CONNECTIONS}{connection.pk}/change/", asked)
    assert "is not an e-mail address" in response.content.decode()
    with tenant_context(world.acme):
        assert not ExposureReport.objects.exists()


def test_it_is_asked_for_on_the_connection_s_page_run_again_and_cancelled(
    world: World, connection: Connection
) -> None:
    client = signed_in(world.ida)
    assert act(client, CONNECTIONS, "exposure", connection.pk)["Location"].startswith(REPORTS)
    first = latest(world)
    assert first.proposed is None
    act(client, REPORTS, "cancel", first.pk)
    assert latest(world).state == ReportState.CANCELLED
    assert act(client, REPORTS, "run_again", first.pk)["Location"].startswith(REPORTS)
    assert latest(world).pk != first.pk
    with tenant_context(world.acme):
        told = Event.objects.filter(action__startswith="exposure.").order_by("pk")
        assert list(told.values_list("action", "actor")) == [
            ("exposure.requested", world.ida.pk),
            ("exposure.cancelled", world.ida.pk),
            ("exposure.requested", world.ida.pk),
        ]


def test_downloads_are_recorded_and_hold_no_formula(world: World, connection: Connection) -> None:
    client = signed_in(world.ida)
    act(client, CONNECTIONS, "exposure", connection.pk)
    report = latest(world)
    assert client.get(f"{REPORTS}{report.pk}/download/csv/").status_code == 404, "not made yet"
    done(world, report)
    text = client.get(f"{REPORTS}{report.pk}/download/csv/").content.decode()
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert "'=1+1" in cells and "=1+1" not in cells
    told = json.loads(client.get(f"{REPORTS}{report.pk}/download/json/").content)
    assert told["documents"] == 2 and {"kind", "paths"} < told["lines"][0].keys()
    assert client.get(f"{REPORTS}{report.pk}/download/exe/").status_code == 404
    with tenant_context(world.acme):
        assert Event.objects.filter(action="exposure.downloaded").count() == 2


def test_auditors_read_reports_and_ask_for_none(world: World, connection: Connection) -> None:
    act(signed_in(world.ida), CONNECTIONS, "exposure", connection.pk)
    report = done(world, latest(world))
    client = signed_in(make_member(world.acme, "otto@acme.example", role=Role.AUDITOR))
    page = client.get(f"{REPORTS}{report.pk}/change/").content.decode()
    assert "What is public" in page and "Run again" not in page
    assert client.get(f"{REPORTS}{report.pk}/download/json/").status_code == 200
    assert "_exposure" not in client.get(f"{CONNECTIONS}{connection.pk}/change/").content.decode()
    for listed, action, pk in (
        (REPORTS, "run_again", report.pk),
        (CONNECTIONS, "exposure", connection.pk),
    ):
        act(client, listed, action, pk)
    assert latest(world).pk == report.pk


def test_members_and_other_tenants_see_no_report(world: World, connection: Connection) -> None:
    act(signed_in(world.ida), CONNECTIONS, "exposure", connection.pk)
    report = done(world, latest(world))
    uma = make_member(world.umbra, "uma@umbra.example", role=Role.IT_ADMIN)
    for user in (world.bo, uma):
        client = signed_in(user)
        for page in ("change/", "live/", "download/csv/"):
            response = client.get(f"{REPORTS}{report.pk}/{page}", follow=True)
            assert "Handbook" not in response.content.decode(), (user, page)
            assert response.status_code in (200, 403, 404)
