"""OAuth 2.0 with a source's authorization server, through Authlib (RFC 6749, 7636, 7009).

Nothing here is stored, and no error names a secret.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client

from apps.connections import endpoints
from apps.connections.credentials.models import AuthConfig
from apps.connections.credentials.sign_in import SignIn
from apps.connections.errors import ConnectorError, CredentialsRejected, SourceUnavailable

# Asking for a token, the connection included (seconds).
TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Client:
    """Kenward as a client of one authorization server.

    Args:
        config: whose client it is.
        sign_in: what the provider declares.
    """

    config: AuthConfig
    sign_in: SignIn

    def authorization_url(
        self, *, redirect_uri: str, state: str, verifier: str, scopes: Collection[str] = ()
    ) -> str:
        """Return where to send a person, who comes back to `redirect_uri` with a code.

        Args:
            redirect_uri: registered at the source.
            state: random, to be compared with what comes back.
            verifier: of the proof key: 43 to 128 characters (RFC 7636, 4.1).
            scopes: what to ask for (`scopes.wanted`); none: what reading needs.
        """
        extra: dict[str, Any] = dict(self.sign_in.extra)
        if self.sign_in.uses_pkce:
            extra["code_verifier"] = verifier
        asked = scopes or self.sign_in.read_scopes
        with self._session(scopes=asked, redirect_uri=redirect_uri) as session:
            url, _ = session.create_authorization_url(self._url("authorize"), state=state, **extra)
        return str(url)

    def token_for(self, *, code: str, redirect_uri: str, verifier: str) -> dict[str, Any]:
        """Return the tokens that a code stands for, as the source names them.

        Raises:
            CredentialsRejected: the code or the client is not accepted.
            SourceUnavailable: the source does not answer.
        """
        proof = {"code_verifier": verifier} if self.sign_in.uses_pkce else {}
        with self._session(redirect_uri=redirect_uri) as session:
            return _complete(session.fetch_token(self._url("token"), code=code, **proof))

    def renewed(self, refresh_token: str) -> dict[str, Any]:
        """Return new tokens for an old refresh token; see `token_for` for the errors."""
        with self._session() as session:
            return _complete(session.refresh_token(self._url("token"), refresh_token=refresh_token))

    def revoke(self, token: str) -> bool:
        """Withdraw the grant at the source, where it has an address for that (RFC 7009).

        Returns:
            whether there is such an address; without one the person has to do it at the source.

        Raises:
            ConnectorError: the source did not agree.
        """
        url = self._urls().get("revoke")
        if not url:
            return False
        with self._session() as session:
            answer = session.revoke_token(url, token=token)
            if answer.status_code == 400 and _said(answer).get("error") in _ENDED:
                return True  # there is nothing to withdraw any more
            answer.raise_for_status()
            if _said(answer).get("ok") is False and _said(answer).get("error") not in _ENDED:
                raise ValueError  # some say with a status of 200 that they did not do it
        return True

    def _url(self, name: str) -> str:
        return self._urls()[name]

    def _urls(self) -> Mapping[str, str]:
        return endpoints.resolved(self.sign_in.endpoints, self.config.endpoints)

    @contextmanager
    def _session(
        self, *, scopes: Collection[str] = (), redirect_uri: str = ""
    ) -> Iterator[OAuth2Client]:
        with OAuth2Client(
            client_id=self.config.client_id,
            client_secret=self.config.client_secret or None,
            token_endpoint_auth_method="client_secret_post",  # noqa: S106  the name of a method
            scope=self.sign_in.scope_separator.join(scopes) or None,
            redirect_uri=redirect_uri or None,
            code_challenge_method="S256" if self.sign_in.uses_pkce else None,
            timeout=TIMEOUT_S,
            trust_env=False,
            follow_redirects=False,
        ) as session:
            try:
                yield session
            except (OAuthError, httpx2.HTTPError, ValueError, TypeError) as error:
                raise _meaning(error) from None  # what Authlib says may hold what was sent


def _meaning(error: Exception) -> ConnectorError:
    if isinstance(error, OAuthError) and error.error not in _PASSING:
        return CredentialsRejected(
            "The source does not accept the account (any more).",
            hint="Connect it again. If that does not help, check the client's ID and secret.",
            detail=f"OAuth error {str(error.error)[:100]}",
        )
    if isinstance(error, httpx2.HTTPStatusError) and error.response.status_code in {400, 401, 403}:
        return CredentialsRejected(
            "The source does not accept Kenward's client.",
            hint="Check the client's ID and secret.",
        )
    return SourceUnavailable(
        "The source's sign-in does not answer just now.", detail=type(error).__name__
    )


def _complete(token: Any) -> dict[str, Any]:
    """Return a token answer that can be kept.

    Raises:
        ValueError: it lacks the token, or says in no number when it ends.
    """
    told = dict(token)
    if not isinstance(told.get("access_token"), str):
        raise ValueError
    told["expires_in"] = int(told["expires_in"]) if told.get("expires_in") else None
    return told


def _said(answer: httpx2.Response) -> Mapping[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


# What sources answer about a token that counts no more.
_ENDED = frozenset({"invalid_token", "invalid_grant", "token_revoked", "token_expired"})
# RFC 6749, 4.1.2.1: the server's own trouble, not ours.
_PASSING = frozenset({"server_error", "temporarily_unavailable"})
