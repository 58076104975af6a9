"""Deletes what was copied from a disconnected connection: rows, texts and passages, bit by bit.

The connection's row says that somebody asked for it, so a lost task loses nothing. Documents are
marked as gone first; the index then drops their texts and passages, as of any deleted document, and
what it has let go of is deleted. Of a document that a stored answer rests on an empty row stays,
under which the answer is hidden for good.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import F, ProtectedError, QuerySet
from django.utils import timezone

from apps import audit
from apps.accounts.models import User
from apps.connections.models import Connection, ConnectionState
from apps.documents import classification
from apps.documents.models import Document, DocumentText
from apps.errors import InvalidInput

# Documents of one transaction.
BATCH = 200
# What stands in an emptied row, which has to differ from every other of its connection.
_EMPTIED = "deleted:"


def request(connection: Connection, *, actor: User) -> int:
    """Ask for the deletion of everything that was copied; return how many documents there are.

    Args:
        connection: a disconnected one of the bound tenant.
        actor: who asks.

    Raises:
        InvalidInput: it is not disconnected, so that the next sync would bring everything back.
    """
    with transaction.atomic():
        now = Connection.objects.select_for_update().get(pk=connection.pk)
        if now.state != ConnectionState.DISCONNECTED:
            raise InvalidInput("Disconnect it first: a sync would bring everything back.")
        count = _left(now).count()
        if now.data_deletion_at is None:
            now.data_deletion_at, now.data_deleted = timezone.now(), 0
            now.save(update_fields=["data_deletion_at", "data_deleted"])
            audit.record(
                "connection.data_deletion_requested",
                tenant_id=now.tenant_id,
                actor_id=actor.pk,
                target=now,
                documents=count,
            )
    connection.refresh_from_db()
    return count


def unfinished() -> list[Connection]:
    """Return the connections of the bound tenant whose documents are being deleted."""
    return list(Connection.objects.exclude(data_deletion_at=None).order_by("pk"))


def remaining(connection: Connection) -> int:
    """Return how many documents are still to be deleted."""
    return _left(connection).count()


def step(connection: Connection) -> bool:
    """Delete one batch; return whether another step can do more at once.

    Each step is a transaction of its own, and may be repeated or broken off anywhere.
    """
    with transaction.atomic():
        now = Connection.objects.select_for_update().filter(pk=connection.pk).first()
        if now is None or now.data_deletion_at is None:
            return False
        if _mark_gone(now):
            return True
        deleted = _delete_let_go(now)
        if deleted:
            Connection.objects.filter(pk=now.pk).update(data_deleted=F("data_deleted") + deleted)
            return True
        if _left(now).exists():
            return False  # the index has not let go of them yet
        _finish(now)
    return False


def _left(connection: Connection) -> QuerySet[Document]:
    rows = Document.objects.filter(connection=connection)
    return rows.exclude(external_id__startswith=_EMPTIED, title="")


def _mark_gone(connection: Connection) -> int:
    """Hide a batch and hand its passages to the index to be dropped."""
    classification.hold_rules()
    live = _left(connection).filter(deleted_at=None).order_by("pk").values("pk")[:BATCH]
    return Document.objects.filter(pk__in=list(live.values_list("pk", flat=True))).update(
        deleted_at=timezone.now()
    )


def _delete_let_go(connection: Connection) -> int:
    """Delete a batch of which the index holds nothing any more; return how many were dealt with."""
    gone = _left(connection).filter(deleted_at__isnull=False, chunks_policy_id=None)
    keys = list(
        gone.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True)[:BATCH]
    )
    if not keys:
        return 0
    resting = _under_answers(keys)
    for pk in resting:
        _empty(pk)
    Document.objects.filter(pk__in=set(keys) - resting).delete()
    return len(keys)


def _under_answers(keys: list[int]) -> set[int]:
    """Return those of the documents that something must not lose: stored answers rest on them."""
    try:
        with transaction.atomic():
            Document.objects.filter(pk__in=keys).delete()
            raise _Undone
    except ProtectedError as error:
        return {int(row.document_id) for row in error.protected_objects}  # type: ignore[attr-defined]
    except _Undone:
        return set()


def _empty(pk: int) -> None:
    """Leave of a document nothing but its row."""
    DocumentText.objects.filter(document_id=pk).delete()
    Document.objects.filter(pk=pk).update(
        external_id=f"{_EMPTIED}{pk}",
        title="",
        told_title="",
        path="",
        url="",
        author="",
        labels=[],
        mime_type="",
        size_bytes=0,
        source_version="",
        source_created_at=None,
        source_modified_at=None,
        fields={},
        failure_message="",
    )


def _finish(connection: Connection) -> None:
    Connection.objects.filter(pk=connection.pk).update(data_deletion_at=None)
    audit.record(
        "connection.data_deleted",
        tenant_id=connection.tenant_id,
        target=connection,
        documents=connection.data_deleted,
    )


class _Undone(Exception):
    """Takes back a deletion that was only tried."""
