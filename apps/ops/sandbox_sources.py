"""`up --sandbox`: connects the first sample tenant to the simulated Google Drive and Slack.

The sources forget everything when they end. So each start gives the connections new keys, and has
everything compared: what was changed in the sandbox before is gone in Kenward, too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
from django.conf import settings
from django.db import transaction

from apps.accounts.models import User
from apps.connections import connect as accounts
from apps.connections.connect import Grant
from apps.connections.credentials import service_account
from apps.connections.models import AuthConfig, Connection
from apps.errors import KenwardError
from apps.ops import sample, web_port
from apps.ops.errors import CannotStart
from apps.sync_events import log_positions
from apps.sync_events.accounts import own
from apps.sync_events.models import PushSubscription
from apps.sync_events.push_in.views import address_of
from apps.tenants.context import tenant_context
from apps.tenants.models import Membership, Role, Tenant

HOST = "127.0.0.1"
# The sandbox's page and sources answer so many ports above Kenward's own.
_PORTS_ABOVE = 10
_ADMIN = "ada.lindqvist@tarnbrook.example"


def port_beside(port: int) -> int:
    """Return the sandbox's port."""
    return port + _PORTS_ABOVE


def keys_file(data_dir: Path) -> Path:
    """Return where the running sandbox writes its keys."""
    return data_dir / "sandbox-keys.json"


def environment(port: int) -> dict[str, str]:
    """Return the settings under which connections may ask the sandbox, and it may send word.

    Args:
        port: where Kenward serves.
    """
    own_host = f"{HOST}:{port_beside(port)}"
    listed = [host for host in os.environ.get("KENWARD_SOURCE_HOSTS", "").split(",") if host]
    return {
        "KENWARD_SOURCE_HOSTS": ",".join(dict.fromkeys([*listed, own_host])),
        "KENWARD_PUBLIC_URL": settings.KENWARD_PUBLIC_URL or f"http://{HOST}:{port}",
    }


def check(port: int) -> None:
    """Prove that the sandbox's port can be opened.

    Raises:
        CannotStart: it cannot.
    """
    web_port.check(HOST, port_beside(port))


def is_answering(port: int) -> bool:
    """Return whether the sandbox serves."""
    return web_port.is_answering(HOST, port_beside(port), path="/")


def connect(data_dir: Path, port: int) -> str:
    """Connect what is not connected, with new keys, and say where the sandbox is.

    Args:
        data_dir: holds the keys.
        port: where Kenward serves.

    Raises:
        CannotStart: the sample company is not there, or the sandbox is not as expected.
    """
    keys: dict[str, Any] = json.loads(keys_file(data_dir).read_text(encoding="utf-8"))
    tenant = Tenant.objects.filter(slug__in=sample.slugs(), is_active=True).order_by("pk").first()
    if tenant is None:
        raise CannotStart(
            "The sandbox belongs to the sample company, which is not here.",
            hint="Start with --sample as well.",
        )
    with tenant_context(tenant), transaction.atomic():
        actor = _it_admin(tenant)
        try:
            _connect_drive(tenant, actor, keys["google"])
            slack = _connect_slack(tenant, actor, keys["slack"])
        except KenwardError as error:
            raise CannotStart(f"The sandbox could not be connected: {error}") from error
    page = f"http://{HOST}:{port_beside(port)}"
    _send_events(page, address_of(slack))
    return f"sandbox {page}"


def _connect_drive(tenant: Tenant, actor: User, keys: Mapping[str, Any]) -> None:
    base = keys["base"]
    endpoints = {
        "authorize": f"{base}/o/oauth2/v2/auth",
        "token": f"{base}/token",
        "revoke": f"{base}/revoke",
        "drive": f"{base}/drive/v3",
        "directory": f"{base}/admin/directory/v1",
    }
    common = {"kind": "google_drive", "endpoints": endpoints}
    _config(
        tenant,
        actor,
        "Google Drive (sandbox)",
        **common,
        client_id=keys["client_id"],
        client_secret=keys["client_secret"],
        is_for_employees=True,
    )
    whole = _config(
        tenant, actor, "Google Drive, whole company (sandbox)", **common, method="service_account"
    )
    service_account.require_key(keys["key"])
    grant = Grant(
        whole,
        {"secret": json.dumps({"key": keys["key"]})},
        {"admin": _ADMIN},
        subject=keys["key"]["client_email"],
    )
    _connected(grant, actor, "Tarnbrook Drive (sandbox)")


def _connect_slack(tenant: Tenant, actor: User, keys: Mapping[str, Any]) -> Connection:
    base = keys["base"]
    config = _config(
        tenant,
        actor,
        "Slack (sandbox)",
        kind="slack",
        method="api_key",
        endpoints={
            "authorize": f"{base}/oauth/v2/authorize",
            "token": f"{base}/api/oauth.v2.access",
            "revoke": f"{base}/api/auth.revoke",
            "api": f"{base}/api",
        },
        client_id=keys["client_id"],
        client_secret=keys["client_secret"],
        signing_secret=keys["signing_secret"],
    )
    grant = Grant(config, {"secret": json.dumps({"api_key": keys["bot_token"]})}, {"joins": True})
    return _connected(grant, actor, "Tarnbrook Slack (sandbox)")


def _config(tenant: Tenant, actor: User, name: str, **fields: Any) -> AuthConfig:
    stored, _ = AuthConfig.objects.update_or_create(
        tenant=tenant, name=name, defaults=fields, create_defaults={**fields, "created_by": actor}
    )
    return stored


def _connected(grant: Grant, actor: User, name: str) -> Connection:
    """Return the connection of this name with a new key, syncing from the beginning."""
    connection = Connection.objects.select_related("tenant").filter(name=name).first()
    if connection is None:
        connection = accounts.connect(grant=grant, actor=actor, name=name)
    else:
        accounts.reconnect(grant=grant, actor=actor, connection=connection)
    log_positions.forget(connection)
    PushSubscription.objects.filter(connection=connection).delete()
    own.start(connection, actor=actor)
    return connection


def _it_admin(tenant: Tenant) -> User:
    found = Membership.objects.usable().filter(tenant=tenant, role=Role.IT_ADMIN).first()
    if found is None:
        raise CannotStart(f"{tenant.name} has no IT admin.", hint="Give a member that role.")
    return found.user


def _send_events(page: str, address: str) -> None:
    """Have Slack send its events here; without them it is asked every minute all the same."""
    answer = httpx2.post(
        f"{page}/do/connect.events",
        data={"url": address, "back": "/"},
        headers={"origin": page},
        timeout=15,
    )
    if answer.status_code >= 400:
        raise CannotStart("The sandbox's Slack could not send its events to Kenward.")
