"""Changes, pauses and resumes connections, and records who did it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from apps import audit
from apps.accounts.models import User
from apps.connections import create, providers
from apps.connections.errors import SettingsRejected
from apps.connections.models import Connection, ConnectionState


def change(
    *,
    connection: Connection,
    actor: User,
    name: str,
    settings: Mapping[str, Any],
    sweep_interval_s: int,
) -> None:
    """Store what a person changed. New settings make a full sweep due at once.

    Raises:
        ConnectorError: the settings cannot work, the source does not answer, or they name another
            source than before.
    """
    stored = create.checked_settings(connection.kind, settings, tenant_slug=connection.tenant.slug)
    with transaction.atomic():
        now = Connection.objects.select_for_update().get(pk=connection.pk)
        _require_same_source(now, stored)
        stored |= _learnt(now)
        told = {"name": name, "settings": stored, "sweep_interval_s": sweep_interval_s}
        changed = [field for field, value in told.items() if getattr(now, field) != value]
        if not changed:
            return
        for field in changed:
            setattr(now, field, told[field])
        if "settings" in changed:
            now.last_swept_at = None
        now.save(update_fields=[*changed, "last_swept_at"])
        audit.record(
            "connection.changed",
            tenant_id=now.tenant_id,
            actor_id=actor.pk,
            target=now,
            changed=changed,
        )


def pause(*, connection: Connection, actor: User) -> bool:
    """Stop syncing, and return whether it was not paused already."""
    return _move(connection, ConnectionState.PAUSED, actor, "connection.paused", "Paused by hand.")


def resume(*, connection: Connection, actor: User) -> bool:
    """Sync again, and return whether it was not syncing already. A full sweep is due at once."""
    return _move(connection, ConnectionState.ACTIVE, actor, "connection.resumed", "")


def _require_same_source(connection: Connection, settings: Mapping[str, Any]) -> None:
    """Refuse another source: documents would open under its rules before they are replaced."""
    form = providers.load(connection.kind).settings_form
    for field in form.identity_fields:
        if connection.settings.get(field) != settings.get(field):
            label = form.base_fields[field].label or field
            raise SettingsRejected(
                f"{label}: this cannot be changed once it is connected.",
                hint="Connect the other folder as a new connection, and pause this one.",
            )


def _learnt(connection: Connection) -> dict[str, Any]:
    """Return what was stored beside the form's fields when the source was connected.

    It stays: asked again while a disk is unmounted, the form would learn that none belongs there.
    """
    fields = providers.load(connection.kind).settings_form.base_fields
    return {name: value for name, value in connection.settings.items() if name not in fields}


def _move(
    connection: Connection, to: ConnectionState, actor: User, action: str, reason: str
) -> bool:
    with transaction.atomic():
        has_moved = Connection.objects.transition(connection.pk, to, reason=reason)
        if has_moved:
            if to == ConnectionState.ACTIVE:
                Connection.objects.filter(pk=connection.pk).update(last_swept_at=None)
            audit.record(
                action, tenant_id=connection.tenant_id, actor_id=actor.pk, target=connection
            )
    return has_moved
