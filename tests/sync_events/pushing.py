"""Connections with an account, for tests of the word that sources send."""

from __future__ import annotations

import json
from typing import Any

from django.db import transaction

from apps.connections.models import AuthConfig, Connection, Credential
from apps.tenants.context import tenant_context
from apps.tenants.models import Tenant


def connect(tenant: Tenant, kind: str, **config: Any) -> Connection:
    """Return a connection with an account, of which nobody has asked its source."""
    with tenant_context(tenant), transaction.atomic():
        made = AuthConfig.objects.create(tenant=tenant, kind=kind, name=kind, **config)
        connection = Connection.objects.create(
            tenant=tenant, kind=kind, name=kind, realm=f"{kind}:1"
        )
        Credential.objects.create(
            tenant=tenant,
            connection=connection,
            config=made,
            secret=json.dumps({"access_token": "t", "api_key": "t"}),
        )
    return connection
