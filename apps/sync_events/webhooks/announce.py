"""What a sync has to tell: the engine calls one of these where something happens.

Each is called in the transaction that changes what it tells of, and costs one small query where
no endpoint wants it.
"""

from __future__ import annotations

from apps.acls.models import Acl
from apps.connections.errors import ConnectorError
from apps.connections.models import Connection
from apps.connections.protocol import Form
from apps.documents.changes import Changes
from apps.sync_events.models import RunState, SyncRun
from apps.sync_events.run_changes import PermissionChanges
from apps.sync_events.webhooks import events, outbox
from apps.sync_events.webhooks.events import EventName

_OF_DOCUMENTS = (
    EventName.DOCUMENT_CREATED,
    EventName.DOCUMENT_UPDATED,
    EventName.DOCUMENT_DELETED,
)


def sync_completed(run: SyncRun, state: RunState) -> None:
    """Tell that a run has ended.

    Args:
        run: with its connection and the final counts.
        state: succeeded or partial.
    """
    data = {**events.run_data(run), "state": state.value}
    outbox.emit(EventName.SYNC_COMPLETED, data, connection=run.connection)


def sync_failed(run: SyncRun, error: ConnectorError) -> None:
    """Tell that a run has failed, if it has: somebody may have cancelled it meanwhile."""
    failed = SyncRun.objects.select_related("connection").filter(pk=run.pk, state=RunState.FAILED)
    if not outbox.endpoints_for([EventName.SYNC_FAILED], connection=run.connection):
        return
    for ended in failed:
        data = {**events.run_data(ended), **_why(error), "state": RunState.FAILED.value}
        outbox.emit(EventName.SYNC_FAILED, data, connection=ended.connection)


def needs_attention(source: Connection, error: ConnectorError) -> None:
    """Tell that a connection stopped until an IT admin looks after it."""
    data = {"connection": str(source.uuid), "kind": source.kind, **_why(error)}
    outbox.emit(EventName.CONNECTION_NEEDS_ATTENTION, data, connection=source)


def documents(run: SyncRun, changes: Changes) -> None:
    """Tell of the documents that a page, or the end of a sweep, has changed."""
    if not (changes.created or changes.updated or changes.deleted):
        return
    if not outbox.endpoints_for(_OF_DOCUMENTS, connection=run.connection):
        return
    of_event = zip(_OF_DOCUMENTS, (changes.created, changes.updated, changes.deleted), strict=True)
    source = str(run.connection.uuid)
    for event, changed in of_event:
        told = [events.document_data(source, str(one.uuid), one.external_id) for one in changed]
        outbox.emit_all(event, told, connection=run.connection)


def permissions(run: SyncRun, changes: Changes, permitted: PermissionChanges) -> None:
    """Tell that a page has changed who may read something, in one message.

    Args:
        run: the run that brought it, with its connection.
        changes: of the page's documents; those with another policy count.
        permitted: what became of the page's groups and places.
    """
    if not (changes.other_readers or permitted.count):
        return
    if not outbox.endpoints_for([EventName.PERMISSIONS_CHANGED], connection=run.connection):
        return
    recorded = permitted.recorded
    places = recorded.changed_places if recorded else frozenset()
    counts = {
        "grants": recorded.grants_changed if recorded else 0,
        "members": recorded.members_changed if recorded else 0,
        "places": len(places),
        "documents": len(changes.other_readers) + len(permitted.documents.other_readers),
    }
    # The readers that an item lists itself are called by a hash, which says nothing to anybody.
    named = Acl.objects.filter(pk__in=places, form=Form.PLACE).order_by("external_id")
    names = list(named.values_list("external_id", flat=True)[: events.MOST_PLACES])
    data = events.permission_data(str(run.connection.uuid), str(run.uuid), counts, names)
    outbox.emit(EventName.PERMISSIONS_CHANGED, data, connection=run.connection)


def _why(error: ConnectorError) -> dict[str, str]:
    return {"reason": events.reason(error.code), "code": error.code}
