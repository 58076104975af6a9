"""A person's own accounts, as their page shows them, and what they can do with one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.http import HttpRequest

from apps.accounts.models import User
from apps.connections import ages, change, connect, picker, providers
from apps.connections.credentials.models import AuthMethod, Credential
from apps.connections.models import Connection, ConnectionState
from apps.connections.picker import Picked
from apps.errors import InvalidInput
from apps.sync_events import by_hand
from apps.sync_events.accounts import objects, rights
from apps.sync_events.models import UNFINISHED, SyncRun

# A state in words, for the person whose account it is.
_WORDS = {
    ConnectionState.ACTIVE: "Synced",
    ConnectionState.PAUSED: "Paused",
    ConnectionState.NEEDS_ATTENTION: "Stopped",
    ConnectionState.DISCONNECTED: "Disconnected",
}


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """One of a person's own connections.

    Attributes:
        connection: with its state and times.
        kind: what people call the kind of source.
        subject: whom the source says the account is.
        state: in words.
        reason: why it is in this state, where there is something to say.
        documents: how many it has.
        is_new: whether it waits for its first choice.
        is_syncing: whether something is under way.
        config: by which configuration it can be reconnected; None where that is not offered.
        hidden_at: until when its documents stay visible, while nothing confirms them; None: they
            are hidden, or confirmed as a matter of course.
        picks: whether parts of it can be picked.
    """

    connection: Connection
    kind: str
    subject: str
    state: str
    reason: str
    documents: int
    is_new: bool
    is_syncing: bool
    config: str | None
    hidden_at: datetime | None
    picks: bool


def of(request: HttpRequest) -> list[OwnAccount]:
    """Return a person's own accounts, by name."""
    mine = list(rights.own(request))
    counts = objects.counts(mine)
    by_connection = {
        one.connection_id: one
        for one in Credential.objects.filter(connection__in=mine).select_related("config")
    }
    syncing = set(
        SyncRun.objects.filter(connection__in=mine, state__in=UNFINISHED).values_list(
            "connection_id", flat=True
        )
    )
    return [
        _shown(one, by_connection.get(one.pk), counts[one.pk], is_syncing=one.pk in syncing)
        for one in mine
    ]


def choose(connection: Connection, picked: Picked, *, actor: User) -> None:
    """Store what the owner picked; what is no longer picked is gone with the next comparison.

    Raises:
        ConnectorError: the source does not answer, or does not know what was picked.
        InvalidInput: nothing was picked.
    """
    change.change(
        connection=connection,
        actor=actor,
        name=connection.name,
        settings=picker.settings_with(connection, picked),
        sweep_interval_s=connection.sweep_interval_s,
    )


def start(connection: Connection, *, actor: User) -> bool:
    """Sync from now on, and return whether it was not synced already.

    Raises:
        InvalidInput: it was disconnected, so that its account has to be connected again first.
    """
    if connection.state == ConnectionState.DISCONNECTED:
        raise InvalidInput("It is disconnected.", hint="Connect the account again.")
    with transaction.atomic():
        has_started = change.resume(connection=connection, actor=actor)
        connection.refresh_from_db()
        by_hand.sync_now(connection, actor_id=actor.pk)
    return has_started


def _shown(
    connection: Connection, credential: Credential | None, documents: int, *, is_syncing: bool
) -> OwnAccount:
    config = credential.config if credential else None
    can_reconnect = (
        config is not None
        and config.is_active
        and config.is_for_employees
        and config.method == AuthMethod.OAUTH
        and connection.data_deletion_at is None
    )
    is_new = connection.state_reason == connect.CHOOSE
    return OwnAccount(
        connection=connection,
        kind=providers.label_of(connection.kind),
        subject=credential.subject if credential else "",
        state="Waits for your choice" if is_new else _WORDS[ConnectionState(connection.state)],
        reason="" if is_new else connection.state_reason,
        documents=documents,
        is_new=is_new,
        is_syncing=is_syncing,
        config=str(config.uuid) if config and can_reconnect else None,
        hidden_at=ages.counts_on_until(connection),
        picks=picker.offers(connection),
    )
