"""POST /token and /revoke: codes, refresh tokens and signed assertions become access tokens."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, unquote

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from starlette.requests import Request
from starlette.responses import JSONResponse

from apps.ops.sandbox.drive.company import DriveCompany
from apps.ops.sandbox.drive.oauth import (
    ACCESS_TOKEN_S,
    Client,
    Grant,
    ServiceAccount,
    challenge_of,
    same,
)

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
GOOGLE_TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
# Google allows signers a clock that is a little off.
CLOCK_SKEW_S = 300


class TokenRefused(Exception):
    """An OAuth error answer (RFC 6749, 5.2)."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status


Form = Mapping[str, str]


async def token(request: Request) -> JSONResponse:
    """Answer POST /token."""
    company: DriveCompany = request.app.state.company
    form = await _form(request)
    try:
        grant_of = GRANT_TYPES.get(form.get("grant_type", ""))
        if grant_of is None:
            raise TokenRefused("unsupported_grant_type", "Invalid grant_type")
        with company.lock:
            answer = grant_of(company, request, form)
    except TokenRefused as refused:
        answer = {"error": refused.error, "error_description": refused.description}
        return JSONResponse(answer, refused.status)
    return JSONResponse(answer, headers={"Cache-Control": "no-store"})


async def revoke(request: Request) -> JSONResponse:
    """Answer POST /revoke."""
    company: DriveCompany = request.app.state.company
    form = await _form(request)
    sent = form.get("token") or request.query_params.get("token", "")
    with company.lock:
        if company.oauth.revoke(sent):
            return JSONResponse({})
    answer = {"error": "invalid_token", "error_description": "Token expired or revoked"}
    return JSONResponse(answer, 400)


def _from_code(company: DriveCompany, request: Request, form: Form) -> dict[str, object]:
    client = _client(company, request, form)
    code = company.oauth.codes.get(form.get("code", ""))
    if code is None or code.grant.client_id != client.id:
        raise TokenRefused("invalid_grant", "Malformed auth code.")
    if code.used:
        # Somebody else may hold the code: what it gave is taken back (RFC 6749, 4.1.2).
        company.oauth.revoke_grants(code.grant.user_id, client.id)
        raise TokenRefused("invalid_grant", "Code was already redeemed.")
    if code.expires_at <= company.clock.now() or code.grant.revoked:
        raise TokenRefused("invalid_grant", "Bad Request")
    if form.get("redirect_uri", "") != code.redirect_uri:
        raise TokenRefused("redirect_uri_mismatch", "Bad Request")
    verifier = form.get("code_verifier", "")
    if not verifier:
        raise TokenRefused("invalid_grant", "Missing code verifier.")
    if not same(challenge_of(verifier), code.challenge):
        raise TokenRefused("invalid_grant", "Invalid code verifier.")
    code.used = True
    answer = _issued(company, code.grant)
    if code.offline:
        answer["refresh_token"] = company.oauth.new_refresh_token(code.grant)
    return answer


def _from_refresh_token(company: DriveCompany, request: Request, form: Form) -> dict[str, object]:
    client = _client(company, request, form)
    grant = company.oauth.refresh_tokens.get(form.get("refresh_token", ""))
    if grant is None or grant.client_id != client.id:
        raise TokenRefused("invalid_grant", "Bad Request")
    _refuse_revoked(company, grant)
    return _issued(company, grant)


def _from_assertion(company: DriveCompany, request: Request, form: Form) -> dict[str, object]:
    account, claims = _verified(company, form.get("assertion", ""))
    audiences = {GOOGLE_TOKEN_URL, f"{str(request.base_url).rstrip('/')}/token"}
    _check_times(claims)
    if claims.get("aud") not in audiences:
        raise TokenRefused("invalid_grant", "Invalid JWT: Failed audience check.")
    user = company.people.user(str(claims.get("sub", "")))
    if "sub" in claims and (user is None or user.is_external or not user.may_sign_in):
        raise TokenRefused("invalid_grant", "Invalid email or User ID")
    scopes = frozenset(str(claims.get("scope", "")).split())
    if user is None or not scopes or not scopes <= account.scopes:
        raise TokenRefused(
            "unauthorized_client",
            "Client is unauthorized to retrieve access tokens using this method, or client not "
            "authorized for any of the scopes requested.",
            401,
        )
    return _issued(company, Grant(account.email, user.id, scopes))


GRANT_TYPES: Mapping[str, Callable[[DriveCompany, Request, Form], dict[str, object]]] = {
    "authorization_code": _from_code,
    "refresh_token": _from_refresh_token,
    JWT_BEARER: _from_assertion,
}


def _verified(company: DriveCompany, assertion: str) -> tuple[ServiceAccount, dict[str, object]]:
    for account in company.oauth.service_accounts.values():
        key = RSAKey.import_key(account.public_key)
        try:
            decoded = jwt.decode(assertion, key, algorithms=["RS256"])
        except (JoseError, ValueError):
            continue
        if decoded.claims.get("iss") != account.email:
            continue
        if decoded.header.get("kid", account.key_id) == account.key_id:
            return account, decoded.claims
    raise TokenRefused("invalid_grant", "Invalid JWT Signature.")


def _check_times(claims: Mapping[str, object]) -> None:
    # The signer's clock is the real one, also where the company's was set forward.
    issued_at, expires_at, now = claims.get("iat"), claims.get("exp"), time.time()
    if not isinstance(issued_at, int | float) or not isinstance(expires_at, int | float):
        raise TokenRefused("invalid_grant", "Invalid JWT: iat and exp are required.")
    in_time = issued_at <= now + CLOCK_SKEW_S and now - CLOCK_SKEW_S < expires_at
    if not in_time or expires_at - issued_at > ACCESS_TOKEN_S:
        raise TokenRefused(
            "invalid_grant",
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable "
            "timeframe. Check your iat and exp values in the JWT claim.",
        )


def _issued(company: DriveCompany, grant: Grant) -> dict[str, object]:
    return {
        "access_token": company.oauth.new_access_token(grant),
        "expires_in": ACCESS_TOKEN_S - 1,
        "scope": " ".join(sorted(grant.scopes)),
        "token_type": "Bearer",
    }


def _refuse_revoked(company: DriveCompany, grant: Grant) -> None:
    if grant.revoked or not company.people.users[grant.user_id].may_sign_in:
        raise TokenRefused("invalid_grant", "Token has been expired or revoked.")


def _client(company: DriveCompany, request: Request, form: Form) -> Client:
    client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
    kind, _, encoded = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        client_id, secret = _basic(encoded)
    client = company.oauth.clients.get(client_id)
    if client is None:
        raise TokenRefused("invalid_client", "The OAuth client was not found.", 401)
    if not same(secret, client.secret):
        raise TokenRefused("invalid_client", "Unauthorized", 401)
    return client


def _basic(encoded: str) -> tuple[str, str]:
    try:
        client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise TokenRefused("invalid_client", "Unauthorized", 401) from error
    return unquote(client_id), unquote(secret)


async def _form(request: Request) -> Form:
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
