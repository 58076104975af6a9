"""Installed apps: the key signs for the app, the source gives a token, kept until it ends.

The server here is held against GitHub's published description of the operation.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import LazySettings
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from apps.connections.credentials import app_installation, tokens
from apps.connections.errors import CredentialsRejected, SettingsRejected, SourceUnavailable
from apps.connections.models import AuthConfig, Connection, Credential
from apps.ops.sandbox.serve import serving
from tests.acls.reads import inside
from tests.connections.accounts.source import Desk
from tests.world import World

_DESCRIPTION = Path(__file__).parents[4] / "shared" / "provider_specs" / "github.json"


@pytest.fixture(scope="module")
def key() -> tuple[str, str]:
    """Return a private key as GitHub gives it (PKCS#1), and its public key."""
    made = rsa.generate_private_key(65537, 2048)
    private = made.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    public = made.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


@dataclass
class GitHub:
    """The one operation, as strict as the original."""

    public_key: str
    base: str = ""
    life_s: int = 3600
    is_suspended: bool = False
    status: int = 0
    given: list[str] = field(default_factory=list)

    async def access_tokens(self, request: Request) -> JSONResponse:
        if self.status:
            return JSONResponse({"message": "no"}, self.status)
        problem = self._problem(request.headers.get("authorization", ""))
        if problem:
            return JSONResponse({"message": problem}, 401)
        if request.path_params["installation_id"] != "42":
            return JSONResponse({"message": "Not Found"}, 404)
        if self.is_suspended:
            return JSONResponse({"message": "This installation has been suspended"}, 403)
        self.given.append(f"ghs_{len(self.given)}")
        ends = datetime.now(UTC) + timedelta(seconds=self.life_s)
        answer = {
            "token": self.given[-1],
            "expires_at": f"{ends:%Y-%m-%dT%H:%M:%SZ}",
            "permissions": {"contents": "read", "metadata": "read"},
            "repository_selection": "all",
        }
        _require_described(answer)
        return JSONResponse(answer, 201)

    def _problem(self, authorization: str) -> str:
        kind, _, signed = authorization.partition(" ")
        if kind != "Bearer":
            return "A JSON web token could not be decoded"
        try:
            told = jwt.decode(signed, RSAKey.import_key(self.public_key), algorithms=["RS256"])
        except (JoseError, ValueError):
            return "A JSON web token could not be decoded"
        claims, now = told.claims, time.time()
        if claims.get("iss") != "4711":
            return "'Issuer' claim ('iss') must be an Integer"
        if claims["iat"] > now or not now < claims["exp"] <= now + 600:
            return "'Expiration time' claim ('exp') is too far in the future"
        return ""


def _require_described(answer: dict[str, Any]) -> None:
    """Refuse an answer that is not as GitHub describes it; without the description it counts."""
    if not _DESCRIPTION.exists():
        return
    described = json.loads(_DESCRIPTION.read_text(encoding="utf-8"))
    path = "/app/installations/{installation_id}/access_tokens"
    responses = described["paths"][path]["post"]["responses"]
    schema = responses["201"]["content"]["application/json"]["schema"]
    jsonschema.Draft202012Validator({**schema, "components": described["components"]}).validate(
        answer
    )


@pytest.fixture
def github(key: tuple[str, str], settings: LazySettings) -> Iterator[GitHub]:
    served = GitHub(key[1])
    route = Route(
        "/app/installations/{installation_id}/access_tokens", served.access_tokens, methods=["POST"]
    )
    with serving(Starlette(routes=[route])) as base:
        settings.KENWARD_SOURCE_HOSTS = [base.removeprefix("http://")]
        served.base = base
        yield served


def token(github: GitHub, private_key: str, **more: str) -> tuple[str, datetime]:
    told = {"app_id": "4711", "installation_id": "42", "api_url": github.base, **more}
    return app_installation.token(private_key=private_key, **told)


def test_the_app_s_key_gives_a_token(github: GitHub, key: tuple[str, str]) -> None:
    value, ends = token(github, key[0])
    assert value == "ghs_0"
    assert timedelta(minutes=59) < ends - datetime.now(UTC) <= timedelta(hours=1)


@pytest.mark.parametrize("wrong", [{"app_id": "1"}, {"installation_id": "43"}])
def test_another_app_and_another_installation_are_refused(
    github: GitHub, key: tuple[str, str], wrong: dict[str, str]
) -> None:
    with pytest.raises(CredentialsRejected) as refused:
        token(github, key[0], **wrong)
    assert key[0].splitlines()[1] not in f"{refused.value!r} {refused.value.detail}"


def test_a_suspended_installation_is_refused(github: GitHub, key: tuple[str, str]) -> None:
    github.is_suspended = True
    with pytest.raises(CredentialsRejected):
        token(github, key[0])


def test_a_source_that_is_away_is_no_refusal(github: GitHub, key: tuple[str, str]) -> None:
    github.status = 502
    with pytest.raises(SourceUnavailable):
        token(github, key[0])
    with pytest.raises(SourceUnavailable):
        token(github, key[0], api_url="http://127.0.0.1:9")


def test_what_is_no_installation_s_number_is_not_put_into_an_address(
    github: GitHub, key: tuple[str, str]
) -> None:
    with pytest.raises(SettingsRejected):
        token(github, key[0], installation_id="42/../../x")


@pytest.fixture
def credential(committed_world: World, github: GitHub, key: tuple[str, str]) -> Credential:
    acme = committed_world.acme
    with inside(acme):
        config = AuthConfig.objects.create(
            tenant=acme, kind="desk", name="App", method="app", client_id="4711",
            client_secret=key[0], endpoints={"api": github.base},
        )  # fmt: skip
        source = Connection.objects.create(tenant=acme, kind="desk", name="Code", realm="desk:x")
        return Credential.objects.create(
            tenant=acme, connection=source, config=config, secret='{"installation_id": "42"}'
        )


def test_a_token_is_kept_until_it_ends(
    committed_world: World, github: GitHub, credential: Credential
) -> None:
    with inside(committed_world.acme):
        found = {tokens.current(credential.pk, Desk.sign_in).value for _ in range(3)}
        assert found == {"ghs_0"} and github.given == ["ghs_0"]
        Credential.objects.update(expires_at=datetime.now(UTC))
    with inside(committed_world.acme):
        assert tokens.current(credential.pk, Desk.sign_in).value == "ghs_1"
        assert tokens.current(credential.pk, Desk.sign_in, rejected="ghs_1").value == "ghs_2"
        kept = json.loads(Credential.objects.get().secret)
    assert kept == {"installation_id": "42", "access_token": "ghs_2"}


def test_an_app_that_was_removed_stops_the_account(
    committed_world: World, github: GitHub, credential: Credential
) -> None:
    github.is_suspended = True
    with inside(committed_world.acme), pytest.raises(CredentialsRejected):
        tokens.current(credential.pk, Desk.sign_in)
    with inside(committed_world.acme):
        assert Credential.objects.get().state == "rejected"
