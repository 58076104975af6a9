from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from apps.ops.sandbox.drive.oauth import Client, ServiceAccount, challenge_of
from apps.ops.sandbox.drive.sample import ready_company
from tests.ops.sandbox.drive_api import ROOT, Google, google_of, refusal, small_company

BACK = "http://127.0.0.1:9/back"
VERIFIER = "v" * 50
READ = f"{ROOT}drive.readonly"
METADATA = f"{ROOT}drive.metadata.readonly"


@pytest.fixture
def google() -> Iterator[Google]:
    with google_of(small_company()) as served:
        yield served


@pytest.fixture
def client(google: Google) -> Client:
    return google.company.add_client([BACK])


def asked(client: Client, **changed: str) -> dict[str, str]:
    return {
        "client_id": client.id,
        "redirect_uri": BACK,
        "response_type": "code",
        "scope": f"{READ} {METADATA}",
        "state": "s1",
        "access_type": "offline",
        "code_challenge": challenge_of(VERIFIER),
        "code_challenge_method": "S256",
        **changed,
    }


def allow(google: Google, client: Client, **changed: str) -> dict[str, str]:
    """Return what the application is sent back with."""
    form = {"account": "ada@example.com", "decision": "allow", **asked(client), **changed}
    answer = httpx2.post(f"{google.base}/o/oauth2/v2/auth", data=form)
    assert answer.status_code == 302, answer.text
    assert answer.headers["location"].startswith(BACK)
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    return {name: values[0] for name, values in query.items()}


def exchange(google: Google, client: Client, code: str, **changed: str) -> httpx2.Response:
    form = {
        "grant_type": "authorization_code",
        "client_id": client.id,
        "client_secret": client.secret,
        "code": code,
        "code_verifier": VERIFIER,
        "redirect_uri": BACK,
    }
    return httpx2.post(f"{google.base}/token", data={**form, **changed})


def refresh(google: Google, client: Client, token: str) -> httpx2.Response:
    form = {
        "grant_type": "refresh_token",
        "client_id": client.id,
        "client_secret": client.secret,
        "refresh_token": token,
    }
    return httpx2.post(f"{google.base}/token", data=form)


def error_of(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def test_the_page_names_application_accounts_and_scopes(google: Google, client: Client) -> None:
    google.company.suspend("cy@example.com")
    params = asked(client, login_hint="bo@example.com")
    page = httpx2.get(f"{google.base}/o/oauth2/v2/auth", params=params)
    assert page.status_code == 200
    assert "Kenward" in page.text
    assert "See and download all your Drive files" in page.text
    assert 'value="bo@example.com" required checked' in page.text
    assert "ada@example.com" in page.text
    assert "cy@example.com" not in page.text
    assert '<html lang="en">' in page.text


def test_a_code_becomes_tokens_that_work_and_refresh(google: Google, client: Client) -> None:
    back = allow(google, client)
    assert back["state"] == "s1"
    tokens = exchange(google, client, back["code"]).json()
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 3599
    assert set(tokens["scope"].split()) == {READ, METADATA}
    about = google.with_token(tokens["access_token"]).get("/drive/v3/about", fields="user")
    assert about["user"]["emailAddress"] == "ada@example.com"
    fresh = refresh(google, client, tokens["refresh_token"]).json()
    assert "refresh_token" not in fresh
    assert fresh["access_token"] != tokens["access_token"]
    assert google.with_token(fresh["access_token"]).get("/drive/v3/about", fields="kind")
    assert refresh(google, client, tokens["refresh_token"]).status_code == 200


def test_a_refresh_token_comes_with_the_first_consent_or_when_asked_for(
    google: Google, client: Client
) -> None:
    without = exchange(google, client, allow(google, client, access_type="online")["code"]).json()
    first = exchange(google, client, allow(google, client)["code"]).json()
    second = exchange(google, client, allow(google, client)["code"]).json()
    asks = exchange(google, client, allow(google, client, prompt="consent")["code"]).json()
    assert ["refresh_token" in each for each in (without, first, second, asks)] == [
        False,
        True,
        False,
        True,
    ]


def test_wrong_requests_are_sent_back_or_stopped(google: Google, client: Client) -> None:
    assert allow(google, client, decision="deny") == {"error": "access_denied", "state": "s1"}
    assert allow(google, client, code_challenge="")["error"] == "invalid_request"
    assert allow(google, client, code_challenge_method="plain")["error"] == "invalid_request"
    assert allow(google, client, response_type="token")["error"] == "unsupported_response_type"
    assert allow(google, client, scope=" ")["error"] == "invalid_scope"
    page = f"{google.base}/o/oauth2/v2/auth"
    elsewhere = httpx2.get(page, params=asked(client, redirect_uri="http://evil.example/"))
    assert (elsewhere.status_code, "redirect_uri_mismatch" in elsewhere.text) == (400, True)
    assert httpx2.get(page, params=asked(client, client_id="nobody")).status_code == 401


def test_a_code_needs_verifier_secret_address_and_time(google: Google, client: Client) -> None:
    def code() -> str:
        return allow(google, client)["code"]

    wrong = {"code_verifier": "w" * 50}
    assert error_of(exchange(google, client, code(), **wrong)) == (400, "invalid_grant")
    assert error_of(exchange(google, client, code(), code_verifier="")) == (400, "invalid_grant")
    assert error_of(exchange(google, client, code(), client_secret="x")) == (401, "invalid_client")
    assert error_of(exchange(google, client, code(), client_id="x")) == (401, "invalid_client")
    assert error_of(exchange(google, client, code(), redirect_uri="http://127.0.0.1/")) == (
        400,
        "redirect_uri_mismatch",
    )
    assert error_of(exchange(google, client, "x")) == (400, "invalid_grant")
    late = code()
    google.company.clock.forward(minutes=11)
    assert error_of(exchange(google, client, late)) == (400, "invalid_grant")
    strange = exchange(google, client, code(), grant_type="password")
    assert error_of(strange) == (400, "unsupported_grant_type")


def test_a_code_used_twice_takes_back_what_it_gave(google: Google, client: Client) -> None:
    code = allow(google, client)["code"]
    tokens = exchange(google, client, code).json()
    assert error_of(exchange(google, client, code)) == (400, "invalid_grant")
    person = google.with_token(tokens["access_token"])
    assert person.refused("/drive/v3/files") == (401, "authError")
    assert error_of(refresh(google, client, tokens["refresh_token"])) == (400, "invalid_grant")


def test_access_tokens_end_after_an_hour_or_when_told(google: Google) -> None:
    ada = google.as_("ada")
    assert ada.get("/drive/v3/files")
    google.company.clock.forward(seconds=3601)
    assert ada.refused("/drive/v3/files") == (401, "authError")
    bo = google.as_("bo")
    google.company.expire_access_tokens()
    assert bo.refused("/drive/v3/files") == (401, "authError")
    assert google.with_token("made-up").refused("/drive/v3/files") == (401, "authError")


def test_a_withdrawn_grant_cannot_be_refreshed(google: Google, client: Client) -> None:
    tokens = exchange(google, client, allow(google, client)["code"]).json()
    google.company.revoke_grant("ada@example.com")
    answer = refresh(google, client, tokens["refresh_token"])
    assert error_of(answer) == (400, "invalid_grant")
    assert answer.json()["error_description"] == "Token has been expired or revoked."


def test_revoke_ends_both_tokens(google: Google, client: Client) -> None:
    tokens = exchange(google, client, allow(google, client)["code"]).json()
    revoked = httpx2.post(f"{google.base}/revoke", data={"token": tokens["refresh_token"]})
    assert revoked.status_code == 200
    again = httpx2.post(f"{google.base}/revoke", data={"token": tokens["refresh_token"]})
    assert error_of(again) == (400, "invalid_token")
    person = google.with_token(tokens["access_token"])
    assert person.refused("/drive/v3/files") == (401, "authError")


def test_scopes_are_enforced_for_each_method(google: Google) -> None:
    company = google.company
    file_id = company.add_file("a.txt", b"text", mime_type="text/plain", owner="ada@example.com")
    metadata = google.as_("ada", [METADATA])
    assert metadata.get(f"/drive/v3/files/{file_id}")["name"] == "a.txt"
    assert metadata.get(f"/drive/v3/files/{file_id}/permissions")
    needed = (403, "insufficientPermissions")
    assert metadata.refused(f"/drive/v3/files/{file_id}", alt="media") == needed
    assert metadata.refused(f"/drive/v3/files/{file_id}/export", mimeType="text/plain") == needed
    assert metadata.refused("/drive/v3/drives") == needed
    assert metadata.refused("/admin/directory/v1/users", customer="my_customer") == needed
    reader = google.as_("ada")
    assert refusal(reader.http.post("/drive/v3/files", json={"name": "new"})) == needed
    answer = reader.http.patch(f"/drive/v3/files/{file_id}", json={"name": "new"})
    assert refusal(answer) == needed
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]


def assertion(account: ServiceAccount, audience: str, **changed: object) -> str:
    now = int(time.time())
    claims = {
        "iss": account.email,
        "sub": "bo@example.com",
        "scope": READ,
        "aud": audience,
        "iat": now,
        "exp": now + 3600,
        **changed,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    header = {"alg": "RS256", "kid": account.key_id}
    return jwt.encode(header, claims, RSAKey.import_key(account.private_key))


def bear(google: Google, signed: str) -> httpx2.Response:
    grant_type = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    return httpx2.post(f"{google.base}/token", data={"grant_type": grant_type, "assertion": signed})


def test_a_service_account_acts_for_a_user_with_delegated_scopes(google: Google) -> None:
    account = google.company.add_service_account(scopes=[READ])
    key_file = account.key_file(google.base)
    assert key_file["type"] == "service_account"
    assert key_file["token_uri"] == f"{google.base}/token"
    tokens = bear(google, assertion(account, key_file["token_uri"])).json()
    person = google.with_token(tokens["access_token"])
    user = person.get("/drive/v3/about", fields="user/emailAddress")["user"]
    assert user == {"emailAddress": "bo@example.com"}
    assert "refresh_token" not in tokens


def test_a_ready_company_lets_both_kinds_of_application_in() -> None:
    ready = ready_company([BACK])
    with google_of(ready.company) as google:
        code = allow(google, ready.client)["code"]
        assert exchange(google, ready.client, code).status_code == 200
        signed = assertion(ready.service_account, f"{google.base}/token", sub="ida@example.com")
        tokens = bear(google, signed).json()
        assert google.with_token(tokens["access_token"]).names() == set()


def test_wrong_assertions_are_refused(google: Google) -> None:
    account = google.company.add_service_account(scopes=[READ])
    other = google.company.add_service_account("other", scopes=[READ])
    audience = f"{google.base}/token"
    google.company.suspend("cy@example.com")
    now = int(time.time())
    refused = {
        "unauthorized_client": [
            assertion(account, audience, scope=f"{ROOT}drive"),
            assertion(account, audience, scope=""),
            assertion(account, audience, sub=None),
        ],
        "invalid_grant": [
            assertion(account, "https://elsewhere.example/token"),
            assertion(account, audience, iss=other.email),
            assertion(account, audience, sub="nobody@example.com"),
            assertion(account, audience, sub="cy@example.com"),
            assertion(account, audience, exp=now - 3600, iat=now - 7000),
            assertion(account, audience, exp=now + 7200),
            assertion(account, audience, exp=None),
            "not.a.token",
            "",
        ],
    }
    for error, signed in refused.items():
        for each in signed:
            assert bear(google, each).json()["error"] == error
