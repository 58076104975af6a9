"""The account: consent at Slack, tokens that rotate, and what is left when they are withdrawn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.db import transaction

from apps.connections import providers
from apps.connections.credentials import tokens
from apps.connections.credentials.models import AuthConfig, Credential, CredentialState
from apps.connections.credentials.oauth import Client
from apps.connections.errors import ConnectorError, CredentialsRejected
from apps.connections.models import Connection
from apps.connections.protocol import FollowsChanges
from apps.connections.providers.slack.connector import Slack
from apps.tenants.context import tenant_context
from tests.connections.slack.ledger import Ledger
from tests.connections.slack.tarn import Tarn
from tests.connections.slack.truth import assert_true
from tests.world import World

BACK = "http://localhost/back"


@pytest.fixture
def config(tarn: Tarn, committed_world: World, settings: LazySettings) -> Iterator[AuthConfig]:
    settings.KENWARD_SOURCE_HOSTS = [urlsplit(tarn.base).netloc]
    tarn.workspace.app.rotates_tokens = True
    known = tarn.workspace.app
    endpoints = {
        "authorize": f"{tarn.base}/oauth/v2/authorize",
        "token": f"{tarn.base}/api/oauth.v2.access",
        "revoke": f"{tarn.base}/api/auth.revoke",
        "api": f"{tarn.base}/api",
        "files": tarn.base,
    }
    with tenant_context(committed_world.acme):
        with transaction.atomic():
            made = AuthConfig.objects.create(
                tenant=committed_world.acme,
                kind="slack",
                name="Slack",
                client_id=known.client_id,
                client_secret=known.client_secret,
                endpoints=endpoints,
            )
        yield made


def consent(tarn: Tarn, config: AuthConfig) -> dict[str, Any]:
    """Let Ada agree to what Kenward asks for, and take the tokens."""
    client = Client(config, Slack.sign_in)
    url = client.authorization_url(redirect_uri=BACK, state="s", verifier="v" * 43)
    asked = dict(parse_qsl(urlsplit(url).query))
    assert "code_challenge" not in asked
    scopes = tuple(asked["scope"].split(","))
    code = tarn.workspace.allow(tarn.ada, scopes, (), asked["redirect_uri"])
    return client.token_for(code=code, redirect_uri=BACK, verifier="v" * 43)


def connected(tarn: Tarn, config: AuthConfig) -> Connection:
    uuid, kept = uuid4(), tokens.stored(consent(tarn, config))
    with transaction.atomic():
        connection = Connection.objects.create(
            tenant=config.tenant,
            uuid=uuid,
            kind="slack",
            name="Tarn",
            realm=f"slack:{uuid}",
            settings={"channels": [tarn.secret]},
        )
        Credential.objects.create(
            tenant=config.tenant, connection=connection, config=config, **kept
        )
    for channel in (tarn.general, tarn.rivers, tarn.secret):
        tarn.workspace.invite(channel, tarn.workspace.bot_user_id)
    return connection


def connector(connection: Connection) -> Slack:
    made = providers.connector_for(connection)
    assert isinstance(made, Slack)
    assert isinstance(made, FollowsChanges)
    return made


def test_consent_gives_the_bots_tokens(tarn: Tarn, config: AuthConfig) -> None:
    found = consent(tarn, config)
    assert found["access_token"] in tarn.workspace.tokens
    assert tarn.workspace.tokens[found["access_token"]].is_bot
    assert found["refresh_token"]
    kept = tokens.stored(found)
    assert set(kept["scopes"]) == set(Slack.sign_in.read_scopes)
    assert kept["expires_at"] is not None


def test_a_code_counts_once(tarn: Tarn, config: AuthConfig) -> None:
    client = Client(config, Slack.sign_in)
    code = tarn.workspace.allow(tarn.ada, ("channels:read",), (), BACK)
    assert client.token_for(code=code, redirect_uri=BACK, verifier="v" * 43)
    with pytest.raises(ConnectorError):
        client.token_for(code=code, redirect_uri=BACK, verifier="v" * 43)


def test_a_connection_reads_with_what_is_stored(tarn: Tarn, config: AuthConfig) -> None:
    tarn.workspace.post(tarn.secret, tarn.bo, "Hush")
    slack = connector(connected(tarn, config))
    slack.check()
    ledger = Ledger()
    ledger.sweep(slack)
    assert_true(tarn, ledger)


def test_a_token_that_ends_is_renewed_once_in_the_middle(tarn: Tarn, config: AuthConfig) -> None:
    """Slack says so with a status of 200; a refresh token counts once, and the new one is kept."""
    connection = connected(tarn, config)
    tarn.workspace.post(tarn.secret, tarn.bo, "Hush")
    ledger, slack = Ledger(), connector(connection)
    for _ in range(3):
        tarn.workspace.expire_tokens()
        mark = tarn.workspace.journal.mark()
        ledger.sweep(slack)
        paths = [entry.path for entry in tarn.workspace.journal.since(mark)]
        assert paths.count("/api/oauth.v2.access") == 1
    (name,) = ledger.items
    assert ledger.readers(name) == tarn.readers(name)
    with slack.open(name) as content:
        assert b"Hush" in content.read()
    with transaction.atomic():
        assert Credential.objects.get().state == CredentialState.VALID


def test_a_withdrawn_grant_ends_the_account(tarn: Tarn, config: AuthConfig) -> None:
    connection = connected(tarn, config)
    tarn.workspace.revoke_all()
    with pytest.raises(CredentialsRejected):
        connector(connection).check()
    with transaction.atomic():
        assert Credential.objects.get().state == CredentialState.REJECTED
    with pytest.raises(CredentialsRejected):
        connector(connection)
