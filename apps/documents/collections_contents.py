"""What somebody sees in a collection: those of its documents that they may read at that moment."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from uuid import UUID

from apps.accounts.models import User
from apps.documents import live
from apps.documents import scope as scopes
from apps.documents.collection_models import Collection
from apps.documents.scope import IS_READABLE_DOCUMENT

ON_PAGE = 50
# How many rows one statement reads.
_AT_ONCE = 4 * ON_PAGE

# Stands where the direction goes; the other braces in the statement, if any, are PostgreSQL's.
_WAY = "<way>"
# Hidden documents are left out before anything is counted or cut into pages.
_ITEMS = f"""
SELECT item.id, d.uuid, d.title, d.path, source.name, d.mime_type, d.source_modified_at,
    item.added_at, d.id AS document_id, {live.ASKS} AS asks
FROM documents_collectionitem item
JOIN documents_document d ON d.tenant_id = item.tenant_id AND d.id = item.document_id
JOIN connections_connection source
    ON source.tenant_id = d.tenant_id AND source.id = d.connection_id
WHERE item.tenant_id = %(tenant_id)s AND item.collection_id = %(collection)s
    AND {IS_READABLE_DOCUMENT}
ORDER BY item.added_at {_WAY}, item.id {_WAY} LIMIT %(limit)s OFFSET %(offset)s
"""  # noqa: S608  no value stands in it
_ORDER = f"found.added_at {_WAY}, found.id {_WAY}"


@dataclass(frozen=True, slots=True)
class Item:
    """A document in a collection, as its reader sees it."""

    id: int
    uuid: UUID
    title: str
    path: str
    source: str
    mime_type: str
    modified_at: datetime | None
    added_at: datetime
    document_id: int


@dataclass(frozen=True, slots=True)
class Contents:
    """One page of a collection, and whether another follows."""

    items: tuple[Item, ...]
    has_more: bool


def contents(
    user: User, collection: Collection, *, page: int = 1, oldest_first: bool = False
) -> Contents:
    """Return the documents of a collection that a person may read now.

    Args:
        user: who looks.
        collection: which they may open; the caller has asked.
        page: from 1.
        oldest_first: whether the order of adding is the page's order, not its reverse.
    """
    first = (max(page, 1) - 1) * ON_PAGE
    # Pages are cut from what may be shown, and one more tells whether another page follows: by what
    # is stored alone, an empty page would tell of documents that the source does not show any more.
    allowed: list[Item] = []
    for some in _allowed(user, collection, "ASC" if oldest_first else "DESC"):
        allowed += some
        if len(allowed) > first + ON_PAGE:
            break
    return Contents(tuple(allowed[first : first + ON_PAGE]), len(allowed) > first + ON_PAGE)


def _allowed(user: User, collection: Collection, way: str) -> Iterator[list[Item]]:
    """Yield what may be shown in portions, which may be empty; all wait for sources together."""
    ends_at = time.monotonic() + live.PATIENCE_S
    select, order_by = _ITEMS.replace(_WAY, way), _ORDER.replace(_WAY, way)
    for portion in count():
        params = {
            "collection": collection.pk,
            "limit": _AT_ONCE,
            "offset": portion * _AT_ONCE,
        }
        rows = scopes.rows_for(user, select, order_by, params)
        asked = live.permitted(user, ((row[-2], row[-1]) for row in rows), ends_at=ends_at)
        yield [item for item in (Item(*row[:-1]) for row in rows) if item.document_id in asked]
        if len(rows) < _AT_ONCE:
            return
