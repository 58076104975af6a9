"""Secrets move to the newest key, all of them; afterwards the old key opens nothing and may go."""

from __future__ import annotations

from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.db import connection

from apps.accounts.mfa_adapter import MFAAdapter
from apps.connections.models import AuthConfig, Connection, Credential
from apps.ops import secret_rotation
from apps.tenants import encryption
from apps.tenants.context import tenant_context
from apps.tenants.encryption import SECOND_FACTORS, Undecipherable
from tests.accounts import totp
from tests.world import World

OLD, NEW = "an old key of at least fifty characters, made for tests", "n" * 50


def rotated() -> str:
    out = StringIO()
    call_command("rotate_secrets", stdout=out, stderr=out)
    return out.getvalue()


def stored() -> dict[str, str]:
    """Return what the database itself holds of the credential and its configuration."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT client_secret FROM connections_authconfig")
        (config,) = cursor.fetchone()
        cursor.execute("SELECT secret FROM connections_credential")
        (credential,) = cursor.fetchone()
    return {"config": config, "credential": credential}


@pytest.fixture
def secrets(world: World, settings: LazySettings) -> World:
    """Store one secret of each kind under the old key, and put a new one in front of it."""
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = OLD, []
    with tenant_context(world.acme):
        config = AuthConfig.objects.create(
            tenant=world.acme, kind="x", name="X", client_secret="hush"
        )
        source = Connection.objects.create(tenant=world.acme, kind="x", name="X", realm="x")
        Credential.objects.create(
            tenant=world.acme, connection=source, config=config, secret='{"access_token": "t"}'
        )
    Authenticator.objects.create(
        user=world.ada,
        type="recovery_codes",
        data={
            "seed": encryption.encrypt("seed", purpose=SECOND_FACTORS),
            "migrated_codes": [encryption.encrypt("12345678", purpose=SECOND_FACTORS)],
            "used_mask": 3,
        },
    )
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    return world


def test_after_a_rotation_the_old_key_can_be_taken_out(
    secrets: World, settings: LazySettings
) -> None:
    with tenant_context(secrets.acme):
        before = stored()
    said = rotated()
    assert "4 secrets looked at, 3 rows written anew" in said
    assert "Keys other than the newest one are needed for no stored secret." in said
    settings.SECRET_KEY_FALLBACKS = []
    with tenant_context(secrets.acme):
        after = stored()
        assert all("hush" not in value and value != before[name] for name, value in after.items())
        assert Credential.objects.get().secret == '{"access_token": "t"}'
        assert AuthConfig.objects.get().client_secret == "hush"
        assert AuthConfig.objects.get().signing_secret == "", "what is empty stays empty"
    data = Authenticator.objects.get().data
    assert MFAAdapter().decrypt(data["seed"]) == "seed"
    assert [MFAAdapter().decrypt(code) for code in data["migrated_codes"]] == ["12345678"]
    assert data["used_mask"] == 3


def test_a_second_rotation_rewrites_nothing(secrets: World) -> None:
    rotated()
    with tenant_context(secrets.acme):
        before = stored()
    assert "4 secrets looked at, 0 rows written anew" in rotated()
    with tenant_context(secrets.acme):
        assert stored() == before


def test_what_no_key_opens_is_named_and_left_as_it_is(
    secrets: World, settings: LazySettings
) -> None:
    settings.SECRET_KEY_FALLBACKS = []
    with tenant_context(secrets.acme):
        before = stored()
    out = StringIO()
    with pytest.raises(CommandError, match="Put it back"):
        call_command("rotate_secrets", stdout=out, stderr=out)
    for place in ("connections_credential secret", "connections_authconfig client_secret"):
        assert f"no key opens: {place}" in out.getvalue()
    assert "hush" not in out.getvalue()
    with tenant_context(secrets.acme):
        assert stored() == before


def test_a_worker_that_renews_a_token_meanwhile_is_not_overwritten(
    secrets: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between reading a row and rewriting it, a worker stores another token."""
    read = encryption.renewed

    def renewed_by_a_worker(old: str, *, purpose: bytes = encryption.STORED) -> str:
        new = read(old, purpose=purpose)
        if encryption.decrypt(old, purpose=purpose).startswith("{"):
            Credential.objects.update(secret='{"access_token": "newer"}')
        return new

    monkeypatch.setattr(encryption, "renewed", renewed_by_a_worker)
    secret_rotation.rotate()
    with tenant_context(secrets.acme):
        assert Credential.objects.get().secret == '{"access_token": "newer"}'


def test_more_rows_than_one_batch(
    secrets: World, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secret_rotation, "BATCH", 2)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = OLD, []
    with tenant_context(secrets.acme):
        for number in range(4):
            AuthConfig.objects.create(
                tenant=secrets.acme, kind="x", name=f"X{number}", client_secret="hush"
            )
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    assert secret_rotation.rotate().rewritten == 3 + 4
    settings.SECRET_KEY_FALLBACKS = []
    with tenant_context(secrets.acme):
        told = set(AuthConfig.objects.values_list("client_secret", flat=True))
    assert told == {"hush"}


def test_a_secret_opens_for_its_own_purpose_alone() -> None:
    with pytest.raises(Undecipherable):
        encryption.decrypt(encryption.encrypt("x", purpose=SECOND_FACTORS))


def test_second_factors_set_up_before_stay_readable(
    committed_world: World, settings: LazySettings
) -> None:
    settings.WHITENOISE_AUTOREFRESH = True
    _, secret = totp.set_up(committed_world.ada)
    old = settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [old]
    assert secret_rotation.rotate().rewritten == 2, "the secret, and the seed of the codes"
    settings.SECRET_KEY_FALLBACKS = []
    factor = Authenticator.objects.get(type="totp")
    assert MFAAdapter().decrypt(factor.data["secret"]) == secret


def test_every_encrypted_column_is_found() -> None:
    found = {f"{m._meta.label}.{c.name}" for m, c in secret_rotation.encrypted_fields()}
    assert {
        "connections.AuthConfig.client_secret",
        "connections.AuthConfig.signing_secret",
        "connections.Credential.secret",
        "sync_events.PushSubscription.secret",
    } <= found
