"""Changes, pauses and resumes connections, and records who did it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from apps import audit
from apps.accounts.models import User
from apps.connections import ages, create, providers
from apps.connections.ages import PermissionTerms
from apps.connections.errors import SettingsRejected
from apps.connections.models import Connection, ConnectionState, WhenStale
from apps.connections.schedules import Schedule

_ACTIONS = {
    ConnectionState.ACTIVE: "connection.resumed",
    ConnectionState.PAUSED: "connection.paused",
}


def change(
    *,
    connection: Connection,
    actor: User,
    name: str,
    settings: Mapping[str, Any],
    schedule: Schedule,
    terms: PermissionTerms | None = None,
) -> None:
    """Store what a person changed. New settings make a full sweep due at once.

    Args:
        connection: of the bound tenant.
        actor: the person.
        name: unique in the tenant.
        settings: as the provider's form takes them.
        schedule: how often the source is asked, and when not.
        terms: how old permissions may become, and what a sync may open; None leaves that as it is.

    Raises:
        ConnectorError: the settings cannot work, the source does not answer, or they name another
            source than before.
    """
    stored = create.checked_settings(
        connection.kind, settings, tenant_slug=connection.tenant.slug, connection=connection
    )
    with transaction.atomic():
        now = Connection.objects.select_for_update().get(pk=connection.pk)
        _require_same_source(now, stored)
        told: dict[str, Any] = {
            "name": name,
            "settings": stored | _learnt(now),
            **schedule.fields(),
            **_fields(now, terms),
        }
        changed = _assign(now, told)
        if not changed:
            return
        if "settings" in changed:
            now.last_swept_at = None
        now.save(update_fields=[*changed, "last_swept_at"])
        _record("connection.changed", now, actor, changed=changed)


def proposed_settings(*, connection: Connection, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as `change` would store them, to see what they would mean.

    Args:
        connection: of the bound tenant.
        settings: as the provider's form takes them.

    Raises:
        ConnectorError: as `change` does.
    """
    stored = create.checked_settings(
        connection.kind, settings, tenant_slug=connection.tenant.slug, connection=connection
    )
    _require_same_source(connection, stored)
    return stored | _learnt(connection)


def pause(*, connection: Connection, actor: User) -> bool:
    """Stop syncing, and return whether it was not paused already, or by a delegate alone.

    Belongs to the roles: no delegate resumes it then.
    """
    with transaction.atomic():
        if _move(connection, ConnectionState.PAUSED, actor, reason="Paused by hand."):
            return True
        delegated = Connection.objects.filter(pk=connection.pk, paused_by_delegate=True)
        is_taken_over = bool(delegated.update(paused_by_delegate=False))
        if is_taken_over:
            _record("connection.paused", connection, actor)
    return is_taken_over


def resume(*, connection: Connection, actor: User) -> bool:
    """Sync again, and return whether it was not syncing already. A full sweep is due at once.

    What was disconnected needs its account again first (`connect.reconnect`).
    """
    ended = Connection.objects.filter(pk=connection.pk, state=ConnectionState.DISCONNECTED)
    return not ended.exists() and _move(connection, ConnectionState.ACTIVE, actor)


def pause_as_delegate(*, connection: Connection, actor: User) -> bool:
    """Stop syncing, and return whether it was syncing: what needs attention is for an IT admin."""
    with transaction.atomic():
        now = Connection.objects.select_for_update().get(pk=connection.pk)
        if now.state != ConnectionState.ACTIVE:
            return False
        reason = "Paused by a delegate."
        return _move(now, ConnectionState.PAUSED, actor, reason=reason, by_delegate=True)


def resume_as_delegate(*, connection: Connection, actor: User) -> bool:
    """Sync again what a delegate has paused, and return whether it was such."""
    with transaction.atomic():
        now = Connection.objects.select_for_update().get(pk=connection.pk)
        return now.paused_by_delegate and resume(connection=now, actor=actor)


def _fields(connection: Connection, terms: PermissionTerms | None) -> dict[str, Any]:
    if terms is None:
        return {}
    if terms.when_stale == WhenStale.CHECK and not ages.can_be_asked(connection.kind):
        raise SettingsRejected(
            "This kind of source cannot be asked about single documents.",
            hint="Hide what was confirmed too long ago.",
        )
    return {
        "permissions_max_age_s": terms.max_age_s,
        "when_stale": terms.when_stale,
        "hold_above": terms.hold_above,
    }


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


def _assign(connection: Connection, told: Mapping[str, Any]) -> list[str]:
    """Set what differs, and return the names of these fields."""
    changed = [field for field, value in told.items() if getattr(connection, field) != value]
    for field in changed:
        setattr(connection, field, told[field])
    return changed


def _move(
    connection: Connection,
    to: ConnectionState,
    actor: User,
    *,
    reason: str = "",
    by_delegate: bool = False,
) -> bool:
    with transaction.atomic():
        has_moved = Connection.objects.transition(connection.pk, to, reason=reason)
        if has_moved:
            changed: dict[str, Any] = {"paused_by_delegate": by_delegate}
            if to == ConnectionState.ACTIVE:
                changed["last_swept_at"] = None
            Connection.objects.filter(pk=connection.pk).update(**changed)
            _record(_ACTIONS[to], connection, actor)
    return has_moved


def _record(action: str, connection: Connection, actor: User, **details: Any) -> None:
    audit.record(
        action, tenant_id=connection.tenant_id, actor_id=actor.pk, target=connection, **details
    )
