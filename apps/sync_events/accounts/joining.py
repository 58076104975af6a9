"""What comes with a connected account: who reads it, when it is synced, and where its page is."""

from __future__ import annotations

from django.db import transaction
from django.urls import reverse

from apps.accounts.models import User
from apps.acls import own_claims
from apps.connections import connect as accounts
from apps.connections.connect import Grant
from apps.connections.models import Connection, ConnectionState
from apps.sync_events import by_hand


def connect(grant: Grant, actor: User, *, name: str, is_own: bool) -> Connection:
    """Connect an account as a new connection; see `connections.connect.connect` for the errors."""
    with transaction.atomic():
        connection = accounts.connect(grant=grant, actor=actor, name=name, is_own=is_own)
        if is_own:
            own_claims.hold(connection)
    return connection


def reconnect(grant: Grant, actor: User, connection: Connection) -> None:
    """Connect a connection's account again, and compare everything at once.

    See `connections.connect.reconnect` for the errors.
    """
    with transaction.atomic():
        accounts.reconnect(grant=grant, actor=actor, connection=connection)
        if connection.owner_id is not None:
            own_claims.hold(connection)
        if connection.state == ConnectionState.ACTIVE:
            by_hand.sync_now(connection, actor_id=actor.pk)


def address_of(connection: Connection) -> str:
    """Return the page of a connection: its owner's, or the admin's."""
    if connection.owner_id is not None:
        name = "accounts:index"
        if connection.state_reason == accounts.CHOOSE:
            return reverse("accounts:choose", args=[connection.uuid])
        return reverse(name)
    return reverse("admin:connections_connection_change", args=[connection.pk])
