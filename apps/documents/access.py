"""The one way to a document for somebody who asks: fetched and authorised in one statement."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.accounts.models import User
from apps.acls.classes import Classification
from apps.documents import live
from apps.documents import scope as scopes
from apps.documents.live import ASKS
from apps.documents.models import Document
from apps.documents.scope import IS_READABLE_DOCUMENT
from apps.errors import NotFound

NO_SUCH_DOCUMENT = "There is no such document, or you may not read it."
_COLUMNS = (
    "d.id, d.uuid, d.connection_id, d.external_id, d.policy_id, d.title, d.path, d.url,"
    " d.mime_type, d.size_bytes, source.name, d.source_modified_at, d.last_synced_at,"
    " source.permissions_confirmed_at, d.classification"
)
_FROM = (
    "documents_document d JOIN connections_connection source"
    " ON source.tenant_id = d.tenant_id AND source.id = d.connection_id"
)
_DOCUMENT = (
    f"SELECT {_COLUMNS}, {ASKS} AS asks FROM {_FROM}"  # noqa: S608
    f" WHERE {IS_READABLE_DOCUMENT} AND d.uuid = ANY (%(uuids)s::uuid[])"
)
_TEXT = (
    f"SELECT {_COLUMNS}, t.text, t.blocks::text, t.pages, {ASKS} AS asks FROM {_FROM}"  # noqa: S608
    " LEFT JOIN documents_documenttext t ON t.tenant_id = d.tenant_id AND t.document_id = d.id"
    " AND t.version >= d.text_from_version"
    f" WHERE {IS_READABLE_DOCUMENT} AND d.uuid = ANY (%(uuids)s::uuid[])"
)
_CAN_READ = (
    f"SELECT d.id, {ASKS} AS asks FROM documents_document d"  # noqa: S608
    f" WHERE {IS_READABLE_DOCUMENT} AND d.id = %(id)s"
)


@dataclass(frozen=True, slots=True)
class ReadableDocument:
    """What may be shown of a document to the person who asked for it, at that moment.

    Attributes:
        source: name of the connection that it came by.
        modified_at: as the source says.
        permissions_confirmed_at: how old what is known of its readers is.
    """

    id: int
    uuid: UUID
    connection_id: int
    external_id: str
    policy_id: int
    title: str
    path: str
    url: str
    mime_type: str
    size_bytes: int
    source: str
    modified_at: datetime | None
    last_synced_at: datetime
    permissions_confirmed_at: datetime | None
    classification: str

    @property
    def class_label(self) -> str:
        """Return the class in words."""
        return Classification(self.classification).label


@dataclass(frozen=True, slots=True)
class ReadableText:
    """A document with its extracted text.

    Attributes:
        text: empty where none could be extracted (yet).
        blocks: JSON of `[[kind, start, end, level, page], …]`, spans of the text.
        pages: how many, where the format has pages.
    """

    document: ReadableDocument
    text: str
    blocks: str
    pages: int | None


def document_for(user: User, uuid: UUID) -> ReadableDocument:
    """Return a document that the person may read now.

    Raises:
        NotFound: it does not exist, or the person may not read it; nobody learns which.
    """
    return ReadableDocument(*released(user, _DOCUMENT, uuid))


def documents_for(user: User, uuids: Collection[UUID]) -> dict[UUID, ReadableDocument]:
    """Return those of the documents that the person may read now; sources are asked together."""
    found = (ReadableDocument(*row) for row in _allowed(user, _DOCUMENT, uuids))
    return {document.uuid: document for document in found}


def text_for(user: User, uuid: UUID) -> ReadableText:
    """Return a document that the person may read now, with its text.

    Raises:
        NotFound: it does not exist, or the person may not read it; nobody learns which.
    """
    *document, text, blocks, pages = released(user, _TEXT, uuid)
    return ReadableText(ReadableDocument(*document), text or "", blocks or "[]", pages)


def can_read(user: User, document: Document) -> bool:
    """Return whether the person may read the document now; False for one that is deleted."""
    rows = scopes.rows_for(user, _CAN_READ, "found.id", {"id": document.pk})
    return document.pk in live.permitted(user, ((pk, asks) for pk, asks in rows))


def released(user: User, select: str, uuid: UUID) -> tuple[Any, ...]:
    """Run a statement that releases one document to a person, and return its row.

    Args:
        user: who asks.
        select: over what the person may read (`IS_READABLE_DOCUMENT`), for `%(uuids)s`; the first
            column is the document's id, the last one `ASKS`, which is not returned.
        uuid: of the document.

    Raises:
        NotFound: it does not exist, or the person may not read it; nobody learns which.
    """
    rows = _allowed(user, select, [uuid])
    if not rows:
        raise NotFound(NO_SUCH_DOCUMENT)
    return rows[0]


def _allowed(user: User, select: str, uuids: Collection[UUID]) -> list[tuple[Any, ...]]:
    rows = scopes.rows_for(user, select, "found.id", {"uuids": [str(uuid) for uuid in uuids]})
    allowed = live.permitted(user, ((row[0], row[-1]) for row in rows))
    return [row[:-1] for row in rows if row[0] in allowed]
