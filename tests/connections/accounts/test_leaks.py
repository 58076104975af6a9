"""No token, code, state or secret gets out: not into logs, pages, errors, trail or messages."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
import redis
from django.conf import LazySettings
from django.contrib.sessions.models import Session
from django.db import connection as database

from apps.audit.models import Event
from apps.connections.models import AuthConfig, Connection, ConnectionState, Credential
from apps.sync_events import schedule
from apps.sync_events.models import SyncEvent, SyncRun
from apps.sync_events.tasks import wake_work
from tests.acls.reads import inside
from tests.connections.accounts.joined import (
    Source,
    address,
    back,
    own_connection,
    start,
    sync,
)
from tests.connections.accounts.source import Desk
from tests.world import World, signed_in


@pytest.fixture
def world(committed_world: World) -> World:
    return committed_world


def test_nothing_of_a_sign_in_gets_out(
    world: World, source: Source, settings: LazySettings, caplog: pytest.LogCaptureFixture
) -> None:
    source.company.add_file("Diary.txt", b"wombattext", owner="ada@example.com")
    config = source.config(world.acme)
    ada = signed_in(world.ada)
    for name in ("", "authlib", "httpx2", "httpcore2", "django", "apps", "celery"):
        caplog.set_level(logging.DEBUG, logger=name)
    sent = address(start(ada, config, own="1"))
    state = parse_qs(urlsplit(sent).query)["state"][0]
    logging.disable(logging.CRITICAL)  # what the person's own browser would log is not Kenward's
    location = source.agree(sent)
    logging.disable(logging.NOTSET)
    code = parse_qs(urlsplit(location).query)["code"][0]
    back(ada, location)
    back(ada, location)  # a replay fails without saying more
    with inside(world.acme):
        connection = Connection.objects.get()
        first = json.loads(Credential.objects.get().secret)
    ada.post(f"/connections/{connection.uuid}/choose/", {"start": ""})
    wake_work()
    source.company.expire_access_tokens()  # refused, so renewed
    sync(world.acme)
    with inside(world.acme):
        second = json.loads(Credential.objects.get().secret)
    source.company.revoke_grant("ada@example.com")
    source.company.expire_access_tokens()
    with inside(world.acme):
        schedule.request_sweep(connection, trigger=SyncRun.Trigger.PERSON)
    wake_work()
    sync(world.acme)
    with inside(world.acme):
        assert Connection.objects.get().state == ConnectionState.NEEDS_ATTENTION
    secrets = {
        "state": state, "code": code, "client secret": source.client_secret,
        "refresh token": first["refresh_token"], "first token": first["access_token"],
        "second token": second["access_token"],
    }  # fmt: skip
    assert first["access_token"] != second["access_token"]
    places = _places(world, settings, caplog, source)
    for place, text in places.items():
        assert text, f"{place} holds nothing, so that it would prove nothing"
        for name, secret in secrets.items():
            assert secret not in text, f"{place} holds the {name}"


def _places(
    world: World, settings: LazySettings, caplog: pytest.LogCaptureFixture, source: Source
) -> dict[str, str]:
    """Return everything that anybody but the database's encrypted columns may hold."""
    ida, ada = signed_in(world.ida), signed_in(world.ada)
    with inside(world.acme):
        config, connection = AuthConfig.objects.get(), Connection.objects.get()
        run = SyncRun.objects.order_by("-pk")[0]
    pages = [
        f"/admin/connections/authconfig/{config.pk}/change/",
        f"/admin/connections/connection/{connection.pk}/change/",
        f"/admin/connections/connection/{connection.pk}/disconnect/",
        f"/admin/sync_events/syncrun/{run.pk}/change/",
        "/admin/audit/event/",
    ]
    shown = {url: ida.get(url).content.decode() for url in pages}
    shown["own page"] = ada.get("/connections/").content.decode()
    client = redis.Redis.from_url(settings.REDIS_URL)
    with inside(world.acme), database.cursor() as cursor:
        cursor.execute("SELECT secret FROM connections_credential")
        columns = str(cursor.fetchall())
        cursor.execute("SELECT client_secret FROM connections_authconfig")
        columns += str(cursor.fetchall())
        trail = str(list(Event.objects.values()))
        told = str(list(SyncEvent.objects.values()) + list(SyncRun.objects.values()))
    own_log = [
        record.getMessage() for record in caplog.records if record.name != "django.db.backends"
    ]
    return {
        **shown,
        "the log": "\n".join(own_log),
        "the trail": trail,
        "runs and events": told,
        "the columns": columns,
        "sessions": str([each.get_decoded() for each in Session.objects.all()]),
        "Redis": str([_held(client, key) for key in client.scan_iter("*")]),
    }


def _held(client: redis.Redis, key: bytes) -> str:
    kind = client.type(key)
    if kind == b"string":
        return f"{key!r}: {client.get(key)!r}"
    if kind == b"list":
        return f"{key!r}: {client.lrange(key.decode(), 0, -1)!r}"
    return repr(key)


def test_scopes_that_a_setting_needs_are_asked_for_when_it_is_connected_again(
    world: World, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = "https://www.googleapis.com/auth/drive.metadata.readonly"
    monkeypatch.setattr(
        Desk, "sign_in", replace(Desk.sign_in, optional_scopes={"archived": (extra,)})
    )
    config = source.config(world.acme)
    ada = signed_in(world.ada)
    connection = own_connection(ada, source, config)
    for is_on in (True, False):
        with inside(world.acme):
            Connection.objects.update(settings={"archived": is_on})
        asked = start(ada, config, own="1", connection=str(connection.uuid))
        assert (extra in parse_qs(urlsplit(address(asked)).query)["scope"][0]) is is_on
    with inside(world.acme):
        Connection.objects.update(settings={"archived": True})
    page = signed_in(world.ida).get(f"/admin/connections/connection/{connection.pk}/change/")
    assert "Reconnect it: its settings need more" in page.content.decode()
