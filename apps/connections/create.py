"""Creates connections: checked, with a realm of their own, and recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from django.db import transaction

from apps import audit
from apps.accounts.models import User
from apps.connections import providers
from apps.connections.errors import SettingsRejected
from apps.connections.models import Connection
from apps.connections.settings_form import SettingsForm
from apps.errors import InvalidInput
from apps.tenants.context import tenant_context
from apps.tenants.models import Tenant


def create(
    *, tenant: Tenant, actor: User | None, kind: str, name: str, settings: Mapping[str, Any]
) -> Connection:
    """Create a connection and bind the tenant while doing so.

    Args:
        tenant: whose connection it becomes.
        actor: the person who connects; None when Kenward itself does (the sample company).
        kind: a key of `providers.REGISTRY`.
        name: unique in the tenant.
        settings: as the provider's form takes them; what is stored is what the form makes of them.

    Raises:
        ConnectorError: the settings cannot work, or the source does not answer.
        InvalidInput: another connection has this name.
    """
    stored = checked_settings(kind, settings, tenant_slug=tenant.slug)
    uuid = uuid4()
    with tenant_context(tenant), transaction.atomic():
        require_new_name(tenant, name)
        connection = Connection.objects.create(
            tenant=tenant,
            uuid=uuid,
            kind=kind,
            name=name,
            realm=f"{kind}:{uuid}",
            settings=stored,
            created_by=actor,
        )
        audit.record(
            "connection.created",
            tenant_id=tenant.pk,
            actor_id=actor.pk if actor else None,
            target=connection,
            kind=kind,
            settings=sorted(stored),
        )
    return connection


def checked_settings(
    kind: str,
    settings: Mapping[str, Any],
    *,
    tenant_slug: str,
    connection: Connection | None = None,
) -> dict[str, Any]:
    """Return the settings as they are stored, after the provider's form and its source agreed.

    Args:
        kind: a key of `providers.REGISTRY`.
        settings: as the provider's form takes them.
        tenant_slug: whose connection it is.
        connection: the stored one; a kind that is signed in to is asked with its account.

    Raises:
        ConnectorError: with what is wrong, for the admin.
    """
    provider = providers.load(kind)
    form = provider.settings_form(
        provider.settings_form.to_fields(settings), tenant_slug=tenant_slug
    )
    if not form.is_valid():
        raise SettingsRejected(_complaints(form))
    stored = form.to_settings()
    providers.with_settings(kind, stored, tenant_slug=tenant_slug, connection=connection).check()
    return stored


def require_new_name(tenant: Tenant, name: str) -> None:
    """Refuse a name that a connection of the bound tenant has.

    Raises:
        InvalidInput: it has.
    """
    if Connection.objects.filter(tenant=tenant, name=name).exists():
        raise InvalidInput(
            f"There is already a connection called “{name}”.", hint="Choose another name."
        )


def _complaints(form: SettingsForm) -> str:
    return " ".join(
        f"{form.fields[name].label or name}: {' '.join(map(str, errors))}"
        if name in form.fields
        else " ".join(map(str, errors))
        for name, errors in form.errors.items()
    )
