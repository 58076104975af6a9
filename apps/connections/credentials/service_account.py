"""Service accounts that act for a company's people (JWT bearer grant, RFC 7523).

Google calls it domain-wide delegation: the key signs a short statement that names whom it acts for.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx2
from authlib.oauth2.rfc7523 import JWTBearerGrant
from django.utils import timezone
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from apps.connections.credentials.oauth import TIMEOUT_S
from apps.connections.credentials.tokens import AccessToken
from apps.connections.errors import CredentialsRejected, SettingsRejected, SourceUnavailable
from apps.connections.http_session import new_session

# How long a statement counts (seconds); Google takes an hour at most.
_STATEMENT_S = 3600


def require_key(key: Mapping[str, Any]) -> None:
    """Refuse what is no service account's key file.

    Raises:
        SettingsRejected: with what is missing.
    """
    if key.get("type") != "service_account" or not {"client_email", "private_key"} <= key.keys():
        raise SettingsRejected(
            "This is not the key of a service account.",
            hint="Paste the whole JSON file that the source gave you when the key was made.",
        )


def token(
    key: Mapping[str, Any], *, token_url: str, subject: str, scopes: tuple[str, ...]
) -> AccessToken:
    """Return an access token of a service account.

    Args:
        key: the key file's content.
        token_url: where to ask; never the address that the key file names.
        subject: the person to act for; empty: for itself.
        scopes: what for.

    Raises:
        CredentialsRejected: the key, or acting for this person, is not accepted.
        SourceUnavailable: the source's sign-in does not answer.
    """
    try:
        with new_session() as session:
            answer = session.post(
                token_url,
                data={
                    "grant_type": JWTBearerGrant.GRANT_TYPE,
                    "assertion": _statement(key, token_url, subject, scopes),
                },
                timeout=TIMEOUT_S,
            )
        told = answer.json()
    except (httpx2.HTTPError, ValueError) as error:
        raise SourceUnavailable(
            "The source's sign-in does not answer just now.", detail=type(error).__name__
        ) from None
    if answer.status_code in {400, 401, 403} or "access_token" not in told:
        raise CredentialsRejected(
            f"The source does not let the service account act for {subject or 'itself'}.",
            hint="Check that its key is in use, and that the scopes are delegated to it.",
            detail=f"OAuth error {str(told.get('error', ''))[:100]}",
        )
    ends = timezone.now() + timedelta(seconds=int(told.get("expires_in", _STATEMENT_S)))
    return AccessToken(str(told["access_token"]), ends)


def _statement(
    key: Mapping[str, Any], token_url: str, subject: str, scopes: tuple[str, ...]
) -> str:
    try:
        signed = JWTBearerGrant.sign(
            RSAKey.import_key(key["private_key"]),
            issuer=key["client_email"],
            audience=token_url,
            subject=subject or key["client_email"],
            issued_at=int(time.time()),
            expires_at=int(time.time()) + _STATEMENT_S,
            claims={"scope": " ".join(scopes)},
            header={"alg": "RS256", "kid": key.get("private_key_id", "")},
        )
    except (JoseError, ValueError, TypeError) as error:
        raise CredentialsRejected(
            "The service account's key cannot be read.", hint="Make a new key, and paste its file."
        ) from error
    return signed.decode() if isinstance(signed, bytes) else str(signed)
