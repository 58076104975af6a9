"""Connections that an IT admin has handed to a person or a group, one at a time.

The delegate sees how a connection is doing and, with `change_connection` on it, syncs and pauses
it, and resumes what a delegate has paused: nothing else. Settings, members and the admin stay with
the roles.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, QuerySet
from django.urls import reverse

from apps.accounts.models import User
from apps.acls import sharing, sharing_kinds
from apps.acls.sharing_kinds import Shareable, ShareLevel
from apps.connections.models import Connection
from apps.errors import NotFound
from apps.sync_events import overview
from apps.tenants.models import Role
from apps.tenants.permissions import role_in_bound_tenant

VIEW, CHANGE = "view_connection", "change_connection"


def is_it_admin(user: User) -> bool:
    """Return whether somebody hands connections to others: IT admins of the tenant, by role."""
    return role_in_bound_tenant(user) == Role.IT_ADMIN


SHAREABLE = Shareable(
    name="connection",
    noun="connection",
    model=Connection,
    levels=(
        ShareLevel("view", VIEW, "May see how it is doing"),
        ShareLevel("change", CHANGE, "May also sync, pause and resume it"),
    ),
    explanation=(
        "Whoever has a connection finds it under “Sources shared with you”. It opens no document,"
        " and neither its settings nor the admin."
    ),
    # Somebody's own account is for nobody else to look after.
    may_share=lambda user, connection: is_it_admin(user) and connection.owner_id is None,
    address=lambda shared: reverse("admin:connections_connection_change", args=[shared.pk]),
)


@dataclass(frozen=True, slots=True)
class Delegated:
    """A connection as its delegate sees it.

    Attributes:
        connection: with its state, last sync and the age of its permissions.
        next_sweep_at: when everything is compared again; None while it is not synced.
        failed_items: how many could not be synced; never which.
        may_change: whether the delegate may sync, pause and resume it.
    """

    connection: Connection
    next_sweep_at: datetime | None
    failed_items: int
    may_change: bool


def register() -> None:
    """Give connections their sharing page."""
    sharing_kinds.register(SHAREABLE)


def of(user: User) -> list[Delegated]:
    """Return the connections that were handed to somebody, by name."""
    changeable = set(_held(user, CHANGE).values_list("pk", flat=True))
    found = _held(user, VIEW).annotate(failures=Count("failed_items"))
    return [
        Delegated(
            connection=each,
            next_sweep_at=overview.freshness(each).next_sweep_at,
            failed_items=each.failures,
            may_change=each.pk in changeable,
        )
        for each in found
    ]


def changeable(user: User, uuid: UUID) -> Connection:
    """Return a connection that somebody may sync, pause and resume.

    Raises:
        NotFound: there is none, or it was not handed to them so; nobody learns which.
    """
    connection = _held(user, CHANGE).filter(uuid=uuid).first()
    if connection is None:
        raise NotFound("There is no such source, or you may not act on it.")
    return connection


def _held(user: User, codename: str) -> QuerySet[Connection]:
    return sharing.objects_for(user, codename, Connection.objects.order_by("name"))
