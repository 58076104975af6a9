"""Ends a connection: what runs stops, the source is told, the documents are hidden or deleted.

The one way in, for the admin's page and for people's own.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.connections import disconnect
from apps.connections.disconnect import Withdrawal
from apps.connections.models import Connection
from apps.documents import data_deletion
from apps.documents import tasks as document_tasks
from apps.sync_events.models import (
    UNFINISHED,
    ChangeHint,
    FailedItem,
    LogPosition,
    PushSubscription,
    RunChange,
    RunState,
    SyncEvent,
    SyncRun,
)
from apps.sync_events.push_in import subscriptions


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a connection.

    Attributes:
        withdrawal: of the grant at the source.
        documents: how many are being deleted; None where they are kept.
    """

    withdrawal: Withdrawal
    documents: int | None

    @property
    def said(self) -> str:
        """What to tell whoever ended it, beside that it has ended."""
        kept = "Its documents are hidden."
        if self.documents is not None:
            kept = f"Its documents are hidden and being deleted ({self.documents})."
        return f"{kept} {disconnect.reason_for(self.withdrawal)}".strip()


def end(connection: Connection, *, actor: User, deletes_data: bool) -> Ended:
    """Disconnect a connection; one that is disconnected already can still have its data deleted.

    Args:
        connection: of the bound tenant.
        actor: who ends it.
        deletes_data: whether what was copied is deleted, and not only hidden.
    """
    subscriptions.end_all(connection)  # while the source still lets Kenward in
    withdrawal = disconnect.withdraw(connection)
    with transaction.atomic():
        _stop(connection)  # first: a page that is being stored holds its run, then the connection
        disconnect.close(connection, actor=actor, withdrawal=withdrawal)
        documents = None
        if deletes_data:
            _forget(connection)
            documents = data_deletion.request(connection, actor=actor)
            document_tasks.send_data_deletion(connection.tenant_id)
    return Ended(withdrawal, documents)


def _stop(connection: Connection) -> None:
    """Let no run that is under way store anything any more."""
    PushSubscription.objects.filter(connection=connection).delete()
    ChangeHint.objects.filter(connection=connection).delete()
    LogPosition.objects.filter(connection=connection).delete()
    SyncRun.objects.filter(connection=connection, state__in=UNFINISHED).update(
        state=RunState.CANCELLED,
        finished_at=timezone.now(),
        claim=None,
        error="The connection was disconnected.",
    )


def _forget(connection: Connection) -> None:
    """Delete what names items beside the documents themselves."""
    FailedItem.objects.filter(connection=connection).delete()
    RunChange.objects.filter(run__connection=connection).delete()
    SyncEvent.objects.filter(connection=connection).exclude(external_id="").delete()
