"""The client against a Google that somebody else wrote: consent, lists, bytes.

It knows neither permissions nor logs of changes; those are held against the simulated company.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx2
import pytest
from django.conf import LazySettings

from apps.connections import endpoints
from apps.connections.credentials.account import Account
from apps.connections.credentials.models import AuthConfig, AuthMethod, Credential
from apps.connections.credentials.oauth import Client
from apps.connections.errors import CredentialsRejected, ItemGone
from apps.connections.pace import Pace
from apps.connections.providers.google_drive.client import DriveClient
from apps.connections.providers.google_drive.connector import GoogleDrive
from apps.connections.providers.google_drive.dialect import judge
from tests.peers import emulate

pytestmark = pytest.mark.peer
BACK = "http://localhost:8000/back"
VERIFIER = "v" * 43


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with emulate.running("google", "emulate_google.yaml") as address:
        yield address


@pytest.fixture
def config(base: str, settings: LazySettings) -> AuthConfig:
    settings.KENWARD_SOURCE_HOSTS = [urlsplit(base).netloc]
    return AuthConfig(
        kind="google_drive",
        client_id="kenward-google",
        client_secret="peer-client-secret",
        endpoints={
            "authorize": f"{base}/o/oauth2/v2/auth",
            "token": f"{base}/oauth2/token",
            "revoke": f"{base}/oauth2/revoke",
            "drive": f"{base}/drive/v3",
        },
    )


def drive_of(config: AuthConfig, token: str) -> DriveClient:
    """Return a client with an access token."""
    account = Account(
        method=AuthMethod.API_KEY,
        subject="",
        endpoints=endpoints.resolved(GoogleDrive.sign_in.endpoints, config.endpoints),
        scopes=(),
        _pace=Pace(f"test-{uuid4()}", 10_000, 10_000),
        _credential=Credential(secret=f'{{"api_key": "{token}"}}'),
        _sign_in=GoogleDrive.sign_in,
    )
    return DriveClient(account.client(judge=judge), account.endpoints["drive"])


def code_for(client: Client, email: str) -> str:
    """Let somebody consent, and return the code with which they come back."""
    url = client.authorization_url(redirect_uri=BACK, state="s1", verifier=VERIFIER)
    asked = parse_qs(urlsplit(url).query)
    assert (asked["access_type"], asked["prompt"]) == (["offline"], ["consent"])
    assert asked["scope"] == ["https://www.googleapis.com/auth/drive.readonly"]
    form = next(each for each in httpx2.get(url).text.split("<form")[1:] if email in each)
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
    answer = httpx2.post(f"{url.partition('?')[0]}/callback", data=fields, follow_redirects=False)
    back = parse_qs(urlsplit(answer.headers["location"]).query)
    assert back["state"] == ["s1"]
    return back["code"][0]


def test_consent_ends_in_tokens_that_read_and_are_renewed(config: AuthConfig) -> None:
    client = Client(config, GoogleDrive.sign_in)
    code = code_for(client, "alice@kenward.test")
    token = client.token_for(code=code, redirect_uri=BACK, verifier=VERIFIER)
    listed = drive_of(config, token["access_token"]).files("trashed = false")
    assert {file.name for file in listed.files} == {"Docs", "plan.txt"}
    assert client.renewed(token["refresh_token"])["access_token"]
    wrong = code_for(client, "alice@kenward.test")
    with pytest.raises(CredentialsRejected):
        client.token_for(code=wrong, redirect_uri=BACK, verifier="w" * 43)
    client.revoke(token["refresh_token"])
    with pytest.raises(CredentialsRejected):
        client.renewed(token["refresh_token"])


def test_lists_pages_files_and_bytes(config: AuthConfig) -> None:
    alice = drive_of(config, "tok_google_alice")
    first = alice.files("trashed = false", size=1)
    second = alice.files("trashed = false", size=1, page=first.next)
    assert not second.next
    assert {file.id for file in (*first.files, *second.files)} == {"fld_docs", "file_plan"}
    [plan] = alice.files("'fld_docs' in parents").files
    assert (plan.name, plan.parent, plan.size_bytes) == ("plan.txt", "fld_docs", 26)
    assert alice.file("fld_docs").is_folder
    with alice.media("file_plan") as content:
        assert content.read().strip() == b"Plan of the river project."
    with pytest.raises(ItemGone):
        alice.file("file_bob")
    with pytest.raises(ItemGone), alice.media("file_bob"):
        pass
