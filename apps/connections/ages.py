"""How old what is known of a connection's readers is, and what that means, in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from apps.connections import providers
from apps.connections.errors import SettingsRejected
from apps.connections.models import Connection, ConnectionState, WhenStale
from apps.connections.protocol import ChecksAccess

# For how long permissions may count, at least and at most (seconds).
MIN_AGE_S = 60
MAX_AGE_S = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class PermissionTerms:
    """What an admin decides about the permissions of one connection.

    Attributes:
        max_age_s: for how long they count after they were confirmed (seconds).
        when_stale: what becomes of the documents afterwards, a `WhenStale`.
        hold_above: documents that one sync may open before it waits for an admin; None: any.
    """

    max_age_s: int
    when_stale: str
    hold_above: int | None = None


def lapses_at(connection: Connection) -> datetime | None:
    """Return until when the permissions count, or counted; None while nothing is confirmed."""
    if connection.permissions_confirmed_at is None:
        return None
    return connection.permissions_confirmed_at + timedelta(seconds=connection.permissions_max_age_s)


def counts_on_until(connection: Connection) -> datetime | None:
    """Return until when documents stay visible of a connection that is not synced just now.

    That is the grace after a grant was withdrawn: never longer than the permissions' greatest age,
    since it ends where they lapse. None while it is synced, and once nothing is visible any more.
    """
    if connection.state in (ConnectionState.ACTIVE, ConnectionState.DISCONNECTED):
        return None
    lapses = lapses_at(connection)
    return lapses if lapses and lapses > timezone.now() else None


def can_be_asked(kind: str) -> bool:
    """Return whether sources of a kind say at once who may read an item."""
    try:
        return issubclass(providers.load(kind), ChecksAccess)
    except SettingsRejected:  # this installation knows no such kind any more
        return False


def consequence(connection: Connection) -> str:
    """Return what a connection's age means for its documents, as one sentence for an admin."""
    if connection.state == ConnectionState.DISCONNECTED:
        return "Disconnected: its documents are hidden."
    lapses = lapses_at(connection)
    if lapses is None:
        return "Not confirmed yet: its documents are hidden until they are."
    when = f"{timezone.localtime(lapses):%Y-%m-%d %H:%M:%S %Z}"
    is_asked = connection.when_stale == WhenStale.CHECK
    if lapses <= timezone.now():
        return (
            f"They counted until {when}: the source is asked about each document now."
            if is_asked
            else f"They counted until {when}: its documents are hidden until they are confirmed."
        )
    if connection.state == ConnectionState.ACTIVE:
        return f"They count until {when}, and are confirmed again before."
    end = "the source is asked about each document" if is_asked else "its documents are hidden"
    mended = (
        "its account is connected again"
        if connection.state == ConnectionState.NEEDS_ATTENTION
        and providers.is_remote(connection.kind)
        else "the connection is resumed"
    )
    return f"They count until {when}; then {end}, unless {mended}."
