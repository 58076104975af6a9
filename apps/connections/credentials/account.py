"""A connected account, as connectors see it: where to ask, and a client that is signed in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

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
Scopes = tuple[str, ...]
# A credential as it was stored at some time, where it was asked, for whom, and for what.
_Name = tuple[UUID, datetime | None, str, str, Scopes]
# A company's people are asked for by the thousand, by connectors that are made anew for each slice
# of a sync: this process keeps the tokens, which end after an hour.
_delegated: dict[_Name, AccessToken] = {}
_DELEGATED_AT_MOST = 10_000


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
        secret = json.loads(self._credential.secret)
        if self.method == AuthMethod.SERVICE_ACCOUNT:
            url = self.endpoints["token"]
            scopes = (*self._sign_in.read_scopes, *self._sign_in.delegated_scopes)
            return _Delegated(self._credential, url, acting_as, scopes)
        if self.method == AuthMethod.API_KEY:
            return _Key(secret["api_key"])
        if self._credential.pk is None:
            return _Key(secret["access_token"])
        return _Renewed(self._credential.pk, self._sign_in)


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
    return account_with(found, name, sign_in, pace)


def account_with(credential: Credential, name: str, sign_in: SignIn, pace: Capabilities) -> Account:
    """Return the account of a credential, which need not be stored yet.

    Args:
        credential: with its configuration; before it is stored, with a token that counts.
        name: of the connection in the installation, for its pace.
        sign_in: what the provider declares.
        pace: how fast the provider may be asked.

    Raises:
        SettingsRejected: the configuration names an address that may not be asked.
    """
    return Account(
        method=AuthMethod(credential.config.method),
        subject=credential.subject,
        endpoints=endpoints.resolved(sign_in.endpoints, credential.config.endpoints),
        scopes=tuple(credential.scopes),
        _pace=Pace(name, pace.requests_per_s, pace.burst),
        _credential=credential,
        _sign_in=sign_in,
    )


class _Renewed:
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

    def __init__(self, credential: Credential, url: str, subject: str, scopes: Scopes) -> None:
        self._credential, self._url = credential, url
        self._subject, self._scopes = subject, scopes

    def headers(self) -> Mapping[str, str]:
        token = _delegated.get(self._name)
        if token is None or _ends_soon(token):
            key = json.loads(self._credential.secret)["key"]
            token = service_account.token(
                key, token_url=self._url, subject=self._subject, scopes=self._scopes
            )
            _remember(self._name, token)
        return {"authorization": f"Bearer {token.value}"}

    def was_refused(self) -> bool:
        _delegated.pop(self._name, None)
        return True

    @property
    def _name(self) -> _Name:
        row = self._credential
        return (row.uuid, row.renewed_at, self._url, self._subject, self._scopes)


class _Key:
    """Signs with a key that neither ends nor is renewed."""

    def __init__(self, key: str) -> None:
        self._key = key

    def headers(self) -> Mapping[str, str]:
        return {"authorization": f"Bearer {self._key}"}

    def was_refused(self) -> bool:
        return False


def _remember(name: _Name, token: AccessToken) -> None:
    if len(_delegated) >= _DELEGATED_AT_MOST:
        for old, kept in list(_delegated.items()):
            if _ends_soon(kept):
                _delegated.pop(old, None)
        if len(_delegated) >= _DELEGATED_AT_MOST:
            _delegated.clear()
    _delegated[name] = token


def _ends_soon(token: AccessToken) -> bool:
    return token.expires_at is not None and token.expires_at - timezone.now() < _MARGIN
