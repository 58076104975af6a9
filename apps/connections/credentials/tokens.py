"""Keeps the tokens of connected accounts alive: renewed once, under a lock, stored before use.

A credential's secret is JSON. Of an OAuth account: `access_token` and, where the source gives one,
`refresh_token`; of an installed app: `installation_id`, and the token that it was given last.
"""

from __future__ import annotations

import contextvars
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import connection as database
from django.db import connections, transaction
from django.utils import timezone

from apps.connections import endpoints
from apps.connections.credentials import app_installation
from apps.connections.credentials.models import AuthMethod, Credential, CredentialState
from apps.connections.credentials.oauth import Client
from apps.connections.credentials.sign_in import SignIn
from apps.connections.errors import CredentialsRejected

# A token that ends sooner than this is renewed before it is used.
_MARGIN = timedelta(seconds=60)
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What a request is signed with, and until when it counts (None: for good)."""

    value: str
    expires_at: datetime | None


def current(credential_id: int, sign_in: SignIn, *, rejected: str = "") -> AccessToken:
    """Return an access token that counts now; needs the bound tenant.

    Several processes may ask at once: the first one renews it, and the others find it renewed. That
    matters where a refresh token counts once (Slack, Atlassian). It is committed before it is used,
    whatever becomes of a transaction that the caller has open.

    Args:
        credential_id: of an OAuth account or an installed app.
        sign_in: what the provider declares.
        rejected: a token that the source has just refused, whatever its time says.

    Raises:
        CredentialsRejected: the grant is withdrawn or has ended; the account is marked so.
        SourceUnavailable: the source's sign-in does not answer.
    """
    found = _committed(lambda: _current(credential_id, sign_in, rejected))
    if isinstance(found, CredentialsRejected):
        raise found
    return found


def stored(token: dict[str, Any]) -> dict[str, Any]:
    """Return what of a token answer is kept, as fields of a `Credential`.

    Args:
        token: as the source (or Authlib) names its parts.
    """
    kept = {name: token[name] for name in ("access_token", "refresh_token") if token.get(name)}
    expires_in = token.get("expires_in")
    ends = timezone.now() + timedelta(seconds=int(expires_in)) if expires_in else None
    fields: dict[str, Any] = {"secret": json.dumps(kept), "expires_at": ends}
    if token.get("scope"):
        fields["scopes"] = sorted(str(token["scope"]).replace(",", " ").split())
    return fields


def fresh(credential: Credential, sign_in: SignIn) -> dict[str, Any]:
    """Return the fields of a credential with a new token, without storing them.

    Args:
        credential: with its configuration.
        sign_in: what the provider declares.

    Raises:
        CredentialsRejected: the grant is withdrawn, has ended, or cannot be renewed.
        SourceUnavailable: the source's sign-in does not answer.
    """
    kept = json.loads(credential.secret)
    config = credential.config
    if config.method == AuthMethod.APP:
        value, ends = app_installation.token(
            app_id=config.client_id,
            private_key=config.client_secret,
            installation_id=kept["installation_id"],
            api_url=endpoints.resolved(sign_in.endpoints, config.endpoints)["api"],
        )
        return {"secret": json.dumps({**kept, "access_token": value}), "expires_at": ends}
    if not kept.get("refresh_token"):
        raise _reconnect()
    return stored({**kept, **Client(config, sign_in).renewed(kept["refresh_token"])})


def _current(
    credential_id: int, sign_in: SignIn, rejected: str
) -> AccessToken | CredentialsRejected:
    """Return a token, or why there is none: an error raised here would undo what it says."""
    row = (
        Credential.objects.select_for_update(of=("self",))
        .select_related("config")
        .get(pk=credential_id)
    )
    if row.state != CredentialState.VALID or not row.config.is_active:
        return _reconnect()
    held = json.loads(row.secret).get("access_token", "")
    if held and held != rejected and not _ends_soon(row.expires_at):
        return AccessToken(held, row.expires_at)
    try:
        renewed = fresh(row, sign_in)
    except CredentialsRejected:
        return _refuse(row)
    for name, value in renewed.items():
        setattr(row, name, value)
    row.renewed_at = timezone.now()
    row.save(update_fields=[*renewed, "renewed_at"])
    return AccessToken(json.loads(row.secret)["access_token"], row.expires_at)


def _ends_soon(expires_at: datetime | None) -> bool:
    return expires_at is not None and expires_at - timezone.now() < _MARGIN


def _refuse(row: Credential) -> CredentialsRejected:
    row.state = CredentialState.REJECTED
    row.save(update_fields=["state"])
    return _reconnect()


def _reconnect() -> CredentialsRejected:
    return CredentialsRejected(
        "The source does not accept the account any more.", hint="Reconnect it."
    )


def _committed(act: Callable[[], _Result]) -> _Result:
    """Run in a transaction of its own, in a thread where this one has a transaction open."""

    def run() -> _Result:
        with transaction.atomic():
            return act()

    if not database.in_atomic_block:
        return run()
    bound = contextvars.copy_context()

    def run_apart() -> _Result:
        try:
            return bound.run(run)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(run_apart).result()
