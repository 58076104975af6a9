"""Word from a source, as it comes in over HTTP: verified, heard once, and never believed."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.db import transaction
from django.test import Client
from django.utils import timezone

from apps.connections.models import AuthConfig, Connection, ConnectionState, Credential
from apps.ops.sandbox.drive.api import app as drive_app
from apps.ops.sandbox.drive.company import DriveCompany
from apps.ops.sandbox.serve import serving
from apps.sync_events import log_positions
from apps.sync_events.models import (
    ChangeHint,
    Lane,
    PushSubscription,
    RunState,
    SyncEvent,
    SyncRun,
)
from apps.sync_events.push_in import subscriptions
from apps.sync_events.push_in.views import MAX_BODY_BYTES
from apps.tenants.context import tenant_context
from apps.tenants.models import Tenant
from tests.world import World

SECRET = "a signing secret of the app's"


@dataclass
class Workspace:
    """A Slack connection without a Slack: deliveries alone are looked at here."""

    tenant: Tenant
    connection: Connection

    @property
    def address(self) -> str:
        return f"/connectors/push/{self.tenant.uuid}/{self.connection.uuid}/"

    def send(self, told: dict[str, Any], *, secret: str = SECRET, age_s: int = 0) -> Any:
        """Send a delivery as Slack does, and return the answer."""
        body = json.dumps(told)
        at = str(int(time.time()) - age_s)
        signed = hmac.new(secret.encode(), f"v0:{at}:{body}".encode(), hashlib.sha256).hexdigest()
        headers = {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": f"v0={signed}"}
        return Client().post(self.address, body, content_type="application/json", headers=headers)

    def event(self, kind: str, *, event_id: str = "", **fields: Any) -> dict[str, Any]:
        event = {"type": kind, **fields}
        return {"type": "event_callback", "event_id": event_id or uuid4().hex, "event": event}

    def hints(self) -> set[tuple[str, str]]:
        with tenant_context(self.tenant), transaction.atomic():
            return set(ChangeHint.objects.values_list("lane", "external_id"))

    def queued(self) -> set[tuple[str, bool]]:
        with tenant_context(self.tenant), transaction.atomic():
            found = SyncRun.objects.filter(state=RunState.QUEUED)
            return set(found.values_list("lane", "is_sweep"))


def connect(tenant: Tenant, kind: str, **config: Any) -> Connection:
    with tenant_context(tenant), transaction.atomic():
        made = AuthConfig.objects.create(tenant=tenant, kind=kind, name=kind, **config)
        connection = Connection.objects.create(
            tenant=tenant, kind=kind, name=kind, realm=f"{kind}:1"
        )
        Credential.objects.create(
            tenant=tenant,
            connection=connection,
            config=made,
            secret=json.dumps({"access_token": "t", "api_key": "t"}),
        )
    return connection


@pytest.fixture
def slack(committed_world: World) -> Workspace:
    tenant = committed_world.acme
    return Workspace(tenant, connect(tenant, "slack", signing_secret=SECRET))


MESSAGE = {"channel": "C024BE91L", "ts": "1700000000.000100", "user": "U024BE7LH"}


def test_the_handshake_is_answered_only_when_signed(slack: Workspace) -> None:
    told = {"type": "url_verification", "challenge": "3eZbrw1aB"}
    answer = slack.send(told)
    assert (answer.status_code, answer.content) == (200, b"3eZbrw1aB")
    assert slack.send(told, secret="another").status_code == 404


def test_a_message_is_looked_at_in_the_lane_of_permissions(slack: Workspace) -> None:
    assert slack.send(slack.event("message", **MESSAGE)).status_code == 200
    assert slack.queued() == {(Lane.PERMISSIONS, False)}
    assert {lane for lane, _ in slack.hints()} == {Lane.PERMISSIONS}
    with tenant_context(slack.tenant), transaction.atomic():
        assert Connection.objects.get().pushed_at is not None


def test_a_delivery_is_heard_once(slack: Workspace) -> None:
    told = slack.event("message", event_id="Ev1", **MESSAGE)
    assert slack.send(told).status_code == 200
    with tenant_context(slack.tenant), transaction.atomic():
        ChangeHint.objects.all().delete()
    assert slack.send(told).status_code == 200
    assert slack.hints() == set()


@pytest.mark.parametrize(
    "how", [{"secret": "another"}, {"age_s": 301}, {"age_s": -400}, {"secret": ""}]
)
def test_what_the_source_has_not_signed_now_changes_nothing(
    slack: Workspace, how: dict[str, Any]
) -> None:
    assert slack.send(slack.event("message", **MESSAGE), **how).status_code == 404
    assert (slack.hints(), slack.queued()) == (set(), set())


def test_nobody_learns_which_connections_there_are(
    slack: Workspace, committed_world: World
) -> None:
    client = Client()
    other = committed_world.umbra
    for address in (
        f"/connectors/push/{slack.tenant.uuid}/{uuid4()}/",
        f"/connectors/push/{uuid4()}/{slack.connection.uuid}/",
        f"/connectors/push/{other.uuid}/{slack.connection.uuid}/",
        slack.address,
    ):
        answer = client.post(address, "{}", content_type="application/json")
        assert (answer.status_code, answer.content) == (404, b"")
    assert client.get(slack.address).status_code == 405


def test_a_huge_delivery_is_not_read(slack: Workspace) -> None:
    body = "x" * (MAX_BODY_BYTES + 1)
    answer = Client().post(slack.address, body, content_type="application/json")
    assert answer.status_code == 413


def test_a_withdrawn_grant_stops_the_connection(slack: Workspace) -> None:
    slack.send(slack.event("app_uninstalled"))
    with tenant_context(slack.tenant), transaction.atomic():
        source = Connection.objects.get()
        assert source.state == ConnectionState.NEEDS_ATTENTION
        assert "Reconnect" in source.state_reason
        assert Credential.objects.get().state == "rejected"
        assert SyncEvent.objects.get().code == "credentials_rejected"
    slack.send(slack.event("message", **MESSAGE))
    assert slack.queued() == set(), "a stopped connection is not looked at"


def test_a_disconnected_connection_hears_nothing(slack: Workspace) -> None:
    with tenant_context(slack.tenant), transaction.atomic():
        Connection.objects.update(state=ConnectionState.DISCONNECTED)
    assert slack.send(slack.event("message", **MESSAGE)).status_code == 404
    assert slack.hints() == set()


# --- Agreements that have to be renewed: Google Drive's channels ---


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
