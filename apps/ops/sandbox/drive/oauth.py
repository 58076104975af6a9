"""What the company's sign-in service knows: clients, consents, codes, tokens, service accounts."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from apps.ops.sandbox.drive.identifiers import Identifiers
from apps.ops.sandbox.drive.records import Clock

ACCESS_TOKEN_S = 3600
CODE_S = 600
RSA_BITS = 2048


@dataclass(frozen=True)
class Client:
    """A registered application."""

    id: str
    secret: str
    name: str
    redirect_uris: frozenset[str]


@dataclass(frozen=True)
class ServiceAccount:
    """An account for programs that may act for the company's people.

    Attributes:
        id: number of its client, as administrators type it in to delegate.
        scopes: delegated by the administrator to it, for the whole domain.
    """

    id: str
    email: str
    key_id: str
    private_key: str
    public_key: str
    scopes: frozenset[str]

    def key_file(self, base_url: str) -> dict[str, str]:
        """Return what Google gives as the JSON key file, with the addresses of this server."""
        return {
            "type": "service_account",
            "project_id": "sandbox",
            "private_key_id": self.key_id,
            "private_key": self.private_key,
            "client_email": self.email,
            "client_id": self.id,
            "auth_uri": f"{base_url}/o/oauth2/v2/auth",
            "token_uri": f"{base_url}/token",
            "universe_domain": "googleapis.com",
        }


@dataclass
class Grant:
    """What a person, or the administrator for a person, allowed a client."""

    client_id: str
    user_id: str
    scopes: frozenset[str]
    revoked: bool = False


@dataclass
class Code:
    """An authorization code; it is good for one exchange."""

    grant: Grant
    redirect_uri: str
    challenge: str
    expires_at: datetime
    offline: bool
    used: bool = False


@dataclass
class AccessToken:
    """A bearer token."""

    grant: Grant
    expires_at: datetime


@dataclass
class OAuth:
    """The state of the sign-in service."""

    clock: Clock
    ids: Identifiers
    clients: dict[str, Client] = field(default_factory=dict)
    service_accounts: dict[str, ServiceAccount] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    access_tokens: dict[str, AccessToken] = field(default_factory=dict)
    refresh_tokens: dict[str, Grant] = field(default_factory=dict)

    def add_client(self, redirect_uris: Iterable[str], name: str) -> Client:
        """Register an application with the addresses that it may be sent back to."""
        client_id = f"{self.ids.opaque('client')}.apps.googleusercontent.com"
        secret = f"GOCSPX-{secrets.token_urlsafe(21)}"
        self.clients[client_id] = Client(client_id, secret, name, frozenset(redirect_uris))
        return self.clients[client_id]

    def add_service_account(self, name: str, scopes: Iterable[str]) -> ServiceAccount:
        """Register a service account with a new key and what is delegated to it."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        account = ServiceAccount(
            id=self.ids.number("service account", name),
            email=f"{name}@sandbox.iam.gserviceaccount.com",
            key_id=hashlib.sha256(public).hexdigest()[:40],
            private_key=private.decode(),
            public_key=public.decode(),
            scopes=frozenset(scopes),
        )
        self.service_accounts[account.email] = account
        return account

    def new_code(self, grant: Grant, redirect_uri: str, challenge: str, *, offline: bool) -> str:
        """Return a code for what a person has just allowed."""
        code = f"4/0A{secrets.token_urlsafe(45)}"
        expires_at = self.clock.now() + timedelta(seconds=CODE_S)
        self.codes[code] = Code(grant, redirect_uri, challenge, expires_at, offline)
        return code

    def new_access_token(self, grant: Grant) -> str:
        """Return a bearer token for an hour."""
        token = f"ya29.{secrets.token_urlsafe(96)}"
        expires_at = self.clock.now() + timedelta(seconds=ACCESS_TOKEN_S)
        self.access_tokens[token] = AccessToken(grant, expires_at)
        return token

    def new_refresh_token(self, grant: Grant) -> str:
        """Return a token that lasts until somebody revokes it."""
        token = f"1//0{secrets.token_urlsafe(64)}"
        self.refresh_tokens[token] = grant
        return token

    def holder(self, token: str) -> Grant | None:
        """Return whose bearer token it is, or None if it does not count (any more)."""
        known = self.access_tokens.get(token)
        if known is None or known.grant.revoked or known.expires_at <= self.clock.now():
            return None
        return known.grant

    def has_consented(self, client_id: str, user_id: str) -> bool:
        """Whether the client holds a refresh token of this user."""
        return any(
            grant.client_id == client_id and grant.user_id == user_id and not grant.revoked
            for grant in self.refresh_tokens.values()
        )

    def revoke(self, token: str) -> bool:
        """Revoke what a token stands for, with all its tokens; False for an unknown token."""
        known = self.access_tokens.get(token)
        grant = known.grant if known else self.refresh_tokens.get(token)
        if grant is None or grant.revoked:
            return False
        self.revoke_grants(grant.user_id, grant.client_id)
        return True

    def revoke_grants(self, user_id: str, client_id: str = "") -> None:
        """Revoke what a user allowed: to one client, or to all."""
        for grant in self._grants():
            if grant.user_id == user_id and client_id in {"", grant.client_id}:
                grant.revoked = True

    def expire_access_tokens(self) -> None:
        """Let all bearer tokens end now."""
        for token in self.access_tokens.values():
            token.expires_at = self.clock.now()

    def _grants(self) -> list[Grant]:
        issued = [token.grant for token in self.access_tokens.values()]
        codes = [code.grant for code in self.codes.values()]
        return [*issued, *codes, *self.refresh_tokens.values()]


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a PKCE verifier (RFC 7636, 4.2)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def same(one: str, other: str) -> bool:
    """Whether two secrets are the same, in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())
