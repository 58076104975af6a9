"""Connections to sources over HTTP, with their accounts, as rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from django.db import transaction

from apps.connections import providers
from apps.connections.credentials.models import AuthConfig, AuthMethod, Credential
from apps.connections.models import Connection
from apps.connections.providers import RemoteProvider
from apps.sync_events import runs
from apps.sync_events.models import Lane, SyncRun
from apps.tenants.context import tenant_context
from apps.tenants.models import Tenant


def host_of(base: str) -> str:
    """Return what KENWARD_SOURCE_HOSTS holds for a served source."""
    return base.removeprefix("http://")


def connect(
    tenant: Tenant,
    kind: str,
    name: str,
    *,
    method: AuthMethod,
    secret: Mapping[str, Any],
    settings: Mapping[str, Any],
    **config: Any,
) -> Connection:
    """Store a connection with its account.

    Args:
        tenant: whose.
        kind: of the source.
        name: of the connection.
        method: by which the account is connected.
        secret: of the account.
        settings: of the connection.
        config: further fields of the auth configuration.
    """
    uuid = uuid4()
    with tenant_context(tenant):
        with transaction.atomic():
            blueprint = AuthConfig.objects.create(
                tenant=tenant, kind=kind, name=name, method=method, **config
            )
            connection = Connection.objects.create(
                tenant=tenant,
                uuid=uuid,
                kind=kind,
                name=name,
                realm=f"{kind}:{uuid}",
                settings=dict(settings),
            )
            Credential.objects.create(
                tenant=tenant, connection=connection, config=blueprint, secret=json.dumps(secret)
            )
        connector = providers.connector_for(connection)
        connector.check()
        assert providers.remote(kind) is not None
        connection.item_space = _as_remote(connector).item_space()
        with transaction.atomic():
            connection.save(update_fields=["item_space"])
    return connection


def poll(connection: Connection) -> None:
    """Queue a look at the source's logs of changes."""
    with transaction.atomic():
        runs.request(connection, Lane.PERMISSIONS, trigger=SyncRun.Trigger.POLL)


def _as_remote(connector: Any) -> RemoteProvider:
    remote: RemoteProvider = connector
    return remote
