"""A connected account, as connectors see it: where to ask, and a client that is signed in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.connections import endpoints
from apps.connections.credentials import service_account, tokens
from apps.connections.credentials.models import AuthMethod, Credential, CredentialState
from apps.connections.credentials.sign_in import SignIn
from apps.connections.credentials.tokens import AccessToken
from apps.connections.errors import CredentialsRejected
from apps.connections.http import Authorization, Judge, SourceClient, judge_nothing
from apps.connections.pace import Pace
from apps.connections.protocol import Capabilities

_MARGIN = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Account:
    """One account of a source.

    Attributes:
        method: how it is connected; decides whether it can act for others.
        subject: who the source says it is.
        endpoints: base URLs by the provider's names for them, without a trailing slash.
        scopes: what the source granted, where it says so.
    """

    method: AuthMethod
    subject: str
    endpoints: Mapping[str, str]
    scopes: tuple[str, ...]
    _pace: Pace = field(repr=False)
    _credential: Credential = field(repr=False)
    _sign_in: SignIn = field(repr=False)

    @property
    def can_act_for_others(self) -> bool:
        """Return whether clients can act for each person of the company."""
        return self.method == AuthMethod.SERVICE_ACCOUNT

    def client(self, *, acting_as: str = "", judge: Judge = judge_nothing) -> SourceClient:
        """Return a client that is signed in.

        Args:
            acting_as: the person for whom a service account asks.
            judge: what answers mean in the provider's own dialect.
        """
        hosts = {endpoints.host_of(url) for url in self.endpoints.values()}
        return SourceClient(hosts, self._authorization(acting_as), self._pace, judge)

    def _authorization(self, acting_as: str) -> Authorization:
        if self.method == AuthMethod.OAUTH:
            return _OAuth(self._credential.pk, self._sign_in)
        secret = json.loads(self._credential.secret)
        if self.method == AuthMethod.SERVICE_ACCOUNT:
            url = self.endpoints["token"]
            return _Delegated(secret["key"], url, acting_as, self._sign_in.read_scopes)
        return _Key(secret["api_key"])


def account_of(connection_id: int, name: str, sign_in: SignIn, pace: Capabilities) -> Account:
    """Return the account of a stored connection; needs the bound tenant.

    Args:
        connection_id: of a connection whose kind is signed in to.
        name: of the connection in the installation, for its pace.
        sign_in: what the provider declares.
        pace: how fast the provider may be asked.

    Raises:
        CredentialsRejected: there is none, or it was disconnected.
    """
    with transaction.atomic():
        found = (
            Credential.objects.select_related("config").filter(connection_id=connection_id).first()
        )
    if found is None or found.state == CredentialState.REVOKED:
        raise CredentialsRejected("No account is connected.", hint="Reconnect it.")
    if found.state == CredentialState.REJECTED or not found.config.is_active:
        raise CredentialsRejected("The account is not accepted any more.", hint="Reconnect it.")
    return Account(
        method=AuthMethod(found.config.method),
        subject=found.subject,
        endpoints=endpoints.resolved(sign_in.endpoints, found.config.endpoints),
        scopes=tuple(found.scopes),
        _pace=Pace(name, pace.requests_per_s, pace.burst),
        _credential=found,
        _sign_in=sign_in,
    )


class _OAuth:
    """Signs with an access token that is renewed where it has ended."""

    def __init__(self, credential_id: int, sign_in: SignIn) -> None:
        self._credential_id = credential_id
        self._sign_in = sign_in
        self._token: AccessToken | None = None

    def headers(self) -> Mapping[str, str]:
        if self._token is None or _ends_soon(self._token):
            self._token = tokens.current(self._credential_id, self._sign_in)
        return {"authorization": f"Bearer {self._token.value}"}

    def was_refused(self) -> bool:
        rejected = self._token.value if self._token else ""
        self._token = tokens.current(self._credential_id, self._sign_in, rejected=rejected)
        return True


class _Delegated:
    """Signs with a token of a service account that acts for one person."""

    def __init__(
        self, key: Mapping[str, Any], token_url: str, subject: str, scopes: tuple[str, ...]
    ) -> None:
        self._key, self._url, self._subject, self._scopes = key, token_url, subject, scopes
        self._token: AccessToken | None = None

    def headers(self) -> Mapping[str, str]:
        if self._token is None or _ends_soon(self._token):
            self._token = service_account.token(
                self._key, token_url=self._url, subject=self._subject, scopes=self._scopes
            )
        return {"authorization": f"Bearer {self._token.value}"}

    def was_refused(self) -> bool:
        self._token = None
        return True


class _Key:
    """Signs with a key that neither ends nor is renewed."""

    def __init__(self, key: str) -> None:
        self._key = key

    def headers(self) -> Mapping[str, str]:
        return {"authorization": f"Bearer {self._key}"}

    def was_refused(self) -> bool:
        return False


def _ends_soon(token: AccessToken) -> bool:
    return token.expires_at is not None and token.expires_at - timezone.now() < _MARGIN
