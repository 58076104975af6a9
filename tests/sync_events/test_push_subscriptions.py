"""Agreements with a source that it sends word: asked for, renewed, ended; and what is read then."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from django.conf import LazySettings
from django.db import transaction
from django.test import Client
from django.utils import timezone

from apps.connections.models import Connection, ConnectionState, Credential
from apps.connections.protocol import FollowsChanges
from apps.documents import recall
from apps.ops.sandbox.drive.api import app as drive_app
from apps.ops.sandbox.drive.company import DriveCompany
from apps.ops.sandbox.serve import serving
from apps.sync_events import engine, log_positions, runs
from apps.sync_events.models import (
    Lane,
    LogPosition,
    PushSubscription,
    RunState,
    SyncEvent,
    SyncRun,
)
from apps.sync_events.push_in import subscriptions
from apps.tenants.context import tenant_context
from apps.tenants.models import Tenant
from tests.sync_events.pushing import connect
from tests.world import World

ADA = "ada@acme.example"


@dataclass
class Drive:
    """A Drive connection of one person, the simulated Drive, and this installation's address."""

    company: DriveCompany
    tenant: Tenant
    connection: Connection

    def keep(self) -> int:
        with tenant_context(self.tenant):
            with transaction.atomic():
                source = Connection.objects.select_related("tenant").get(pk=self.connection.pk)
            return subscriptions.keep(source)

    def kept(self) -> list[PushSubscription]:
        with tenant_context(self.tenant), transaction.atomic():
            return list(PushSubscription.objects.order_by("name"))


@pytest.fixture
def drive(committed_world: World, settings: LazySettings) -> Iterator[Drive]:
    company = DriveCompany("acme.example", seed=3)
    company.add_user("ada@acme.example", "Ada")
    token = company.sign_in("ada@acme.example")
    with serving(drive_app(company)) as base:
        settings.KENWARD_SOURCE_HOSTS = [base.removeprefix("http://")]
        settings.KENWARD_PUBLIC_URL = "http://127.0.0.1:9"
        tenant = committed_world.acme
        endpoints = {
            "token": f"{base}/token",
            "authorize": f"{base}/o/oauth2/v2/auth",
            "revoke": f"{base}/revoke",
            "drive": f"{base}/drive/v3",
            "directory": f"{base}/admin/directory/v1",
        }
        made = connect(tenant, "google_drive", method="api_key", endpoints=endpoints)
        with tenant_context(tenant), transaction.atomic():
            Credential.objects.update_or_create(
                tenant=tenant, connection=made, defaults={"secret": json.dumps({"api_key": token})}
            )
            log_positions.move(made, {"user:ada@acme.example": "1"})
        yield Drive(company, tenant, made)


def test_agreements_are_asked_for_and_renewed_before_they_end(drive: Drive) -> None:
    assert drive.keep() == 1
    (first,) = drive.kept()
    assert timedelta(days=6) < first.expires_at - timezone.now() <= timedelta(days=7)
    assert drive.keep() == 0
    with tenant_context(drive.tenant), transaction.atomic():
        PushSubscription.objects.update(expires_at=timezone.now() + timedelta(hours=1))
    with tenant_context(drive.tenant), transaction.atomic():
        PushSubscription.objects.update(made_at=timezone.now() - timedelta(days=6))
    assert drive.keep() == 1
    (second,) = drive.kept()
    assert second.source_id != first.source_id
    assert second.secret == first.secret, "deliveries of both are taken until the old one has ended"


def test_without_an_address_of_its_own_kenward_asks_for_none(
    drive: Drive, settings: LazySettings
) -> None:
    settings.KENWARD_PUBLIC_URL = ""
    assert drive.keep() == 0
    assert drive.kept() == []


def test_a_source_that_refuses_is_told_of_and_polled_all_the_same(drive: Drive) -> None:
    drive.company.faults.add("forbidden", path="watch")
    assert drive.keep() == 0
    with tenant_context(drive.tenant), transaction.atomic():
        assert SyncEvent.objects.filter(level="warning").exists()
        assert Connection.objects.get().state == ConnectionState.ACTIVE
    assert drive.keep() == 1


def test_all_agreements_end_with_the_connection(drive: Drive) -> None:
    drive.keep()
    mark = drive.company.journal.mark()
    with tenant_context(drive.tenant):
        with transaction.atomic():
            source = Connection.objects.select_related("tenant").get(pk=drive.connection.pk)
        subscriptions.end_all(source)
    assert drive.kept() == []
    asked = [entry.path for entry in drive.company.journal.since(mark)]
    assert asked[-1] == "/drive/v3/channels/stop"


def test_a_delivery_with_the_agreed_secret_has_the_logs_read(drive: Drive) -> None:
    drive.keep()
    (kept,) = drive.kept()
    address = f"/connectors/push/{drive.tenant.uuid}/{drive.connection.uuid}/"

    def deliver(token: str, number: int) -> int:
        headers = {
            "X-Goog-Channel-ID": kept.source_id,
            "X-Goog-Channel-Token": token,
            "X-Goog-Resource-State": "change",
            "X-Goog-Message-Number": str(number),
        }
        return Client().post(address, headers=headers).status_code

    def runs() -> list[tuple[str, bool]]:
        with tenant_context(drive.tenant), transaction.atomic():
            return list(SyncRun.objects.values_list("lane", "is_sweep"))

    assert deliver("guessed", 2) == 404
    assert runs() == []
    assert deliver(kept.secret, 2) == 200
    assert runs() == [(Lane.PERMISSIONS, False)]


def deliver(drive: Drive, *, channel: str, number: int = 2) -> int:
    """Send word of a channel as Google does; return the answer's status."""
    headers = {
        "X-Goog-Channel-ID": channel,
        "X-Goog-Channel-Token": drive.kept()[0].secret,
        "X-Goog-Resource-State": "change",
        "X-Goog-Message-Number": str(number),
    }
    address = f"/connectors/push/{drive.tenant.uuid}/{drive.connection.uuid}/"
    return Client().post(address, headers=headers).status_code


def with_a_shared_drive(drive: Drive) -> str:
    """Give Ada a second log, note where both end, and return its name."""
    name = f"drive:{drive.company.add_drive('Team', {ADA: 'organizer'})}"
    with tenant_context(drive.tenant):
        connector = recall.connector_for(drive.connection)
        assert isinstance(connector, FollowsChanges)
        told = connector.positions()
        with transaction.atomic():
            log_positions.move(drive.connection, told)
            LogPosition.objects.update(read_at=timezone.now())
            Connection.objects.update(followed_at=timezone.now(), poll_interval_s=3600)
            drive.connection.refresh_from_db()
    return name


def test_word_that_comes_while_the_source_still_answers_is_taken(drive: Drive) -> None:
    drive.company.faults.add("forbidden", path="watch")  # its answer never comes
    drive.keep()
    (expected,) = drive.kept()
    assert expected.source_id == ""
    assert deliver(drive, channel="not known yet") == 200
    with tenant_context(drive.tenant), transaction.atomic():
        assert SyncRun.objects.count() == 1


def test_one_that_is_refused_does_not_keep_others_from_being_asked_for(drive: Drive) -> None:
    shared = with_a_shared_drive(drive)
    drive.company.faults.add("forbidden", path="watch")
    assert drive.keep() == 1
    assert {one.name for one in drive.kept() if one.source_id} == {f"user:{ADA}"}
    with tenant_context(drive.tenant), transaction.atomic():
        assert SyncEvent.objects.filter(level="warning").count() == 1
    assert drive.keep() == 1
    assert {one.name for one in drive.kept() if one.source_id} == {shared, f"user:{ADA}"}
    assert len({one.secret for one in drive.kept()}) == 1


def test_only_the_log_is_read_of_which_word_has_come(drive: Drive) -> None:
    shared = with_a_shared_drive(drive)
    drive.keep()
    channels = {one.name: one.source_id for one in drive.kept()}

    def logs_read(*, channel: str, number: int) -> list[str]:
        assert deliver(drive, channel=channel, number=number) == 200
        mark = drive.company.journal.mark()
        with tenant_context(drive.tenant):
            with transaction.atomic():
                run = SyncRun.objects.get(state=RunState.QUEUED)
            assert engine.work(run.pk) == engine.Outcome.ENDED
        asked = drive.company.journal.since(mark)
        queries = [dict(each.query) for each in asked if each.path.endswith("/changes")]
        return [query.get("driveId", "mine") for query in queries]

    drive_id = shared.removeprefix("drive:")
    assert logs_read(channel=channels[shared], number=2) == [drive_id]
    assert logs_read(channel=channels[f"user:{ADA}"], number=2) == ["mine"]
    both = logs_read(channel="a channel that was renewed a moment ago", number=2)
    assert sorted(both) == sorted([drive_id, "mine"])


def test_word_that_comes_while_a_log_is_read_has_it_read_again(drive: Drive) -> None:
    with_a_shared_drive(drive)
    name = f"user:{ADA}"
    with tenant_context(drive.tenant), transaction.atomic():
        log_positions.tell(drive.connection, name)
    with tenant_context(drive.tenant):
        reading = log_positions.unread(drive.connection, since=None)
        assert reading is not None and list(reading.positions) == [name]
        with transaction.atomic():
            log_positions.tell(drive.connection, name)
            log_positions.mark_read(drive.connection, [name], asked_at=reading.asked_at)
        again = log_positions.unread(drive.connection, since=None)
        assert again is not None and list(again.positions) == [name]


def read_at(drive: Drive) -> dict[str, datetime | None]:
    """Return by log when it was read last."""
    with tenant_context(drive.tenant), transaction.atomic():
        return dict(LogPosition.objects.values_list("name", "read_at"))


def test_a_poll_reads_all_logs_and_stores_what_says_nothing_at_once(drive: Drive) -> None:
    with_a_shared_drive(drive)
    before = read_at(drive)
    with tenant_context(drive.tenant):
        run = runs.request(drive.connection, Lane.PERMISSIONS, trigger=SyncRun.Trigger.POLL)
        assert engine.work(run.pk) == engine.Outcome.ENDED
        with transaction.atomic():
            assert not SyncRun.objects.filter(pk=run.pk).exists(), "nothing has changed"
    after = read_at(drive)
    assert before.keys() == after.keys()
    assert len(set(after.values())) == 1
    assert not before.items() & after.items()
