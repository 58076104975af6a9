"""Apps that an organisation installs: the app's key signs who it is, and gets a token (GitHub).

A token counts for an hour and for one installation; `tokens` keeps it until it ends.
https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import httpx2
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from apps.connections.credentials.oauth import TIMEOUT_S
from apps.connections.errors import (
    ContractBroken,
    CredentialsRejected,
    SettingsRejected,
    SourceUnavailable,
)
from apps.connections.http_session import new_session

# A statement counts for ten minutes at most; a minute is kept for clocks that differ.
_STATEMENT_S = 540
_CLOCKS_DIFFER_S = 60
_HEADERS = {"accept": "application/vnd.github+json", "x-github-api-version": "2022-11-28"}


def require_key(private_key: str) -> None:
    """Refuse what is no private key of an app.

    Raises:
        SettingsRejected: with what to paste.
    """
    try:
        _statement("0", private_key)
    except CredentialsRejected as error:
        raise SettingsRejected(
            "This is not the private key of an app.",
            hint="Paste the whole .pem file that the source gave you.",
        ) from error


def token(
    *, app_id: str, private_key: str, installation_id: str, api_url: str
) -> tuple[str, datetime]:
    """Return an installation's access token, and when it ends.

    Args:
        app_id: the app's ID, or its client ID.
        private_key: PEM, of the app.
        installation_id: a number, as in the installation's address.
        api_url: base URL of the source's API.

    Raises:
        CredentialsRejected: the key is not the app's, or the installation is gone or suspended.
        SourceUnavailable: the source does not answer.
    """
    if not installation_id.isdecimal():
        raise SettingsRejected("An installation's ID is a number.")
    url = f"{api_url}/app/installations/{installation_id}/access_tokens"
    signed = _statement(app_id, private_key)
    try:
        with new_session() as session:
            answer = session.post(
                url,
                headers={**_HEADERS, "authorization": f"Bearer {signed}"},
                timeout=TIMEOUT_S,
            )
            told = answer.json()
    except (httpx2.HTTPError, ValueError) as error:
        raise SourceUnavailable(
            "The source's sign-in does not answer just now.", detail=type(error).__name__
        ) from None
    if answer.status_code in {401, 403, 404, 422}:
        raise CredentialsRejected(
            "The source does not let the app in.",
            hint="Check that the app is installed and not suspended, and that its key is in use.",
            detail=f"status {answer.status_code}",
        )
    return _read(answer.status_code, told)


def _read(status: int, told: Any) -> tuple[str, datetime]:
    if status >= 500:
        raise SourceUnavailable("The source's sign-in does not answer just now.")
    try:
        return str(told["token"]), datetime.fromisoformat(told["expires_at"])
    except (KeyError, TypeError, ValueError):
        raise ContractBroken(f"The source's sign-in answered with status {status}.") from None


def _statement(app_id: str, private_key: str) -> str:
    """Return the signed statement that the app is itself (RFC 7519, RS256)."""
    now = int(time.time())
    claims = {"iat": now - _CLOCKS_DIFFER_S, "exp": now + _STATEMENT_S, "iss": app_id}
    try:
        return jwt.encode({"alg": "RS256"}, claims, RSAKey.import_key(private_key))
    except (JoseError, ValueError, TypeError):
        raise CredentialsRejected(
            "The app's private key cannot be read.", hint="Make a new key, and paste its file."
        ) from None
