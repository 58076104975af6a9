"""Which scopes an account is asked for, and which of them it lacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.connections import providers
from apps.connections.credentials.models import AuthMethod, Credential
from apps.connections.credentials.sign_in import SignIn
from apps.connections.models import Connection


def wanted(
    sign_in: SignIn, settings: Mapping[str, Any] | None = None, *, writes: bool = False
) -> tuple[str, ...]:
    """Return what to ask for, each scope once.

    Args:
        sign_in: what the provider declares.
        settings: of the connection to be connected again; a new one has none yet.
        writes: whether rights to write are needed now.
    """
    optional = _optional(sign_in, settings or {})
    asked = (*sign_in.read_scopes, *optional, *(sign_in.write_scopes if writes else ()))
    return tuple(dict.fromkeys(asked))


def lacking(connection: Connection, credential: Credential) -> tuple[str, ...]:
    """Return the scopes that a connection's settings need and its account was not asked for.

    Nothing where the source does not say what it granted.
    """
    provider = providers.remote(connection.kind)
    if provider is None or credential.config.method != AuthMethod.OAUTH or not credential.scopes:
        return ()
    needed = _optional(provider.sign_in, connection.settings)
    return tuple(scope for scope in needed if scope not in credential.scopes)


def _optional(sign_in: SignIn, settings: Mapping[str, Any]) -> list[str]:
    return [
        scope
        for setting, scopes in sign_in.optional_scopes.items()
        if settings.get(setting)
        for scope in scopes
    ]
