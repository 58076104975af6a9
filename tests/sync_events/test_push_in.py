"""Word from a source, as it comes in over HTTP: verified, heard once, and never believed."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.test import Client

from apps.connections.models import Connection, ConnectionState, Credential
from apps.sync_events.models import (
    ChangeHint,
    Lane,
    RunState,
    SyncEvent,
    SyncRun,
)
from apps.sync_events.push_in.views import MAX_BODY_BYTES
from apps.tenants.context import tenant_context
from apps.tenants.models import Tenant
from tests.sync_events.pushing import connect
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
