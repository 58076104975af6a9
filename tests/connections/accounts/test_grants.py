"""Tokens are renewed once; a withdrawn grant stops the connection; what counted lapses in time."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from apps.connections import ages
from apps.connections.credentials import tokens
from apps.connections.credentials.models import CredentialState
from apps.connections.errors import CredentialsRejected
from apps.connections.models import (
    AuthConfig,
    Connection,
    ConnectionState,
    Credential,
)
from apps.documents import access
from apps.documents.models import Document
from apps.sync_events import schedule
from apps.sync_events.models import SyncRun
from apps.tenants.context import tenant_context
from tests.acls.reads import inside
from tests.connections.accounts.joined import Source, joined, started, sync
from tests.connections.accounts.source import Desk
from tests.world import World, signed_in


@pytest.fixture
def world(committed_world: World) -> World:
    return committed_world


@pytest.fixture
def config(world: World, source: Source) -> AuthConfig:
    return source.config(world.acme)


@pytest.fixture
def connection(world: World, source: Source, config: AuthConfig) -> Connection:
    """Return Ada's own account with one document, synced."""
    source.company.add_file("Diary.txt", b"wombattext", owner="ada@example.com")
    return started(signed_in(world.ada), source, config)


def credential(world: World) -> Credential:
    with inside(world.acme):
        return Credential.objects.select_related("config").get()


def token_requests(source: Source, mark: int) -> int:
    return sum(1 for entry in source.company.journal.since(mark) if entry.path == "/token")


def test_a_token_that_has_ended_is_renewed_once_for_all_who_ask(
    world: World, source: Source, connection: Connection
) -> None:
    with inside(world.acme):
        Credential.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    row, mark = credential(world), source.company.journal.mark()

    def ask(_: int) -> str:
        try:
            with tenant_context(world.acme):
                return tokens.current(row.pk, Desk.sign_in).value
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=6) as threads:
        found = set(threads.map(ask, range(6)))
    assert len(found) == 1 and found != {json.loads(row.secret)["access_token"]}
    assert token_requests(source, mark) == 1
    kept = json.loads(credential(world).secret)
    assert kept["refresh_token"] == json.loads(row.secret)["refresh_token"], "it was not rotated"
    assert kept["access_token"] in found


def test_a_token_that_the_source_refuses_before_its_time_is_renewed(
    world: World, source: Source, connection: Connection
) -> None:
    source.company.expire_access_tokens()
    with inside(world.acme):
        schedule.request_sweep(connection, trigger=SyncRun.Trigger.PERSON)
    mark = source.company.journal.mark()
    sync(world.acme)
    assert token_requests(source, mark) == 1
    with inside(world.acme):
        assert Connection.objects.get().state == ConnectionState.ACTIVE


def test_what_is_renewed_stays_although_the_caller_gives_up(
    world: World, source: Source, connection: Connection
) -> None:
    """A refresh token that counts once would be lost with the caller's transaction."""
    with inside(world.acme):
        Credential.objects.update(expires_at=timezone.now())
    row = credential(world)
    with pytest.raises(RuntimeError), inside(world.acme):
        value = tokens.current(row.pk, Desk.sign_in).value
        raise RuntimeError
    assert json.loads(credential(world).secret)["access_token"] == value


def withdrawn(world: World, source: Source, connection: Connection) -> Connection:
    source.company.revoke_grant("ada@example.com")
    source.company.expire_access_tokens()
    with inside(world.acme):
        schedule.request_sweep(connection, trigger=SyncRun.Trigger.PERSON)
    sync(world.acme)
    with inside(world.acme):
        return Connection.objects.get()


def test_a_withdrawn_grant_stops_the_connection_and_says_what_to_do(
    world: World, source: Source, connection: Connection
) -> None:
    stopped = withdrawn(world, source, connection)
    assert stopped.state == ConnectionState.NEEDS_ATTENTION
    assert credential(world).state == CredentialState.REJECTED
    page = signed_in(world.ada).get("/connections/").content.decode()
    assert "Reconnect" in page and "You can still read its documents" in page
    mark = source.company.journal.mark()
    sync(world.acme)
    with inside(world.acme), pytest.raises(CredentialsRejected):
        tokens.current(credential(world).pk, Desk.sign_in)
    assert source.company.journal.since(mark) == [], "the source is left alone"


@pytest.mark.parametrize("max_age_s", [60, 3600, ages.MAX_AGE_S])
def test_what_was_permitted_counts_no_longer_than_permissions_may(
    world: World, source: Source, connection: Connection, max_age_s: int
) -> None:
    with inside(world.acme):
        Connection.objects.update(permissions_max_age_s=max_age_s)
    stopped = withdrawn(world, source, connection)
    confirmed_at = stopped.permissions_confirmed_at
    assert confirmed_at is not None
    until = ages.counts_on_until(stopped)
    assert until == confirmed_at + timedelta(seconds=max_age_s)
    assert until <= timezone.now() + timedelta(seconds=max_age_s)
    with inside(world.acme):
        diary = Document.objects.get()
        assert access.can_read(world.ada, diary)
        just_too_old = timezone.now() - timedelta(seconds=max_age_s + 1)
        Connection.objects.update(permissions_confirmed_at=just_too_old)
    with inside(world.acme):
        assert not access.can_read(world.ada, diary)
        assert ages.counts_on_until(Connection.objects.get()) is None
    page = signed_in(world.ada).get("/connections/").content.decode()
    assert "Its documents are hidden until it is synced again." in page


def test_reconnecting_goes_on_where_it_stopped(
    world: World, source: Source, config: AuthConfig, connection: Connection
) -> None:
    withdrawn(world, source, connection)
    ada = signed_in(world.ada)
    response = joined(ada, source, config, own="1", connection=str(connection.uuid))
    assert response["Location"] == "/connections/"
    with inside(world.acme):
        now = Connection.objects.get()
        assert (now.pk, now.state, now.realm) == (connection.pk, "active", connection.realm)
        assert Credential.objects.count() == 1
        assert SyncRun.objects.filter(state="queued").count() == 2
    assert credential(world).state == CredentialState.VALID
    sync(world.acme)
    with inside(world.acme):
        assert access.can_read(world.ada, Document.objects.get())


def test_another_account_does_not_take_the_place_of_the_first(
    world: World, source: Source, config: AuthConfig, connection: Connection
) -> None:
    """Its documents would come under the first one's rules."""
    withdrawn(world, source, connection)
    before = credential(world).secret
    ada = signed_in(world.ada)
    told = {"own": "1", "connection": str(connection.uuid)}
    response = joined(ada, source, config, "bo@example.com", **told)
    said = " ".join(str(each) for each in response.wsgi_request._messages)  # type: ignore[attr-defined]
    assert "This is another account (bo@example.com)" in said and "as a new connection" in said
    with inside(world.acme):
        assert Connection.objects.get().state == ConnectionState.NEEDS_ATTENTION
    assert credential(world).secret == before


def test_nobody_reconnects_somebody_else_s_account(
    world: World, source: Source, config: AuthConfig, connection: Connection
) -> None:
    sent = {"own": "1", "connection": str(connection.uuid)}
    url = f"/connectors/oauth/start/{config.uuid}/"
    for person in (world.bo, world.ida, world.cy):
        assert signed_in(person).post(url, sent).status_code == 404
    assert signed_in(world.ada).post(url, {**sent, "connection": "nonsense"}).status_code == 404


def test_a_configuration_out_of_use_gives_no_more_tokens(
    world: World, source: Source, config: AuthConfig, connection: Connection
) -> None:
    with inside(world.acme):
        AuthConfig.objects.update(is_active=False)
    row = credential(world)
    with inside(world.acme), pytest.raises(CredentialsRejected):
        tokens.current(row.pk, Desk.sign_in)
