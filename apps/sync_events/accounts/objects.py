"""What a person's own account holds: their documents, paged, and what its syncs said."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from uuid import UUID

from django.db.models import Count

from apps.accounts.models import User
from apps.acls import freshness
from apps.connections.models import Connection
from apps.documents import live
from apps.documents import scope as scopes
from apps.documents.models import Document
from apps.documents.scope import IS_READABLE_DOCUMENT
from apps.sync_events.models import FailedItem, SyncEvent, SyncRun

ON_PAGE = 50
RUNS_SHOWN = 20
EVENTS_SHOWN = 50
_AT_ONCE = 4 * ON_PAGE

# Hidden documents are left out before anything is cut into pages.
_OBJECTS = f"""
SELECT d.id, d.uuid, d.title, d.path, d.mime_type, d.source_modified_at, d.failure,
    CASE WHEN d.failure <> '' THEN 'failed'
        WHEN d.indexed_version = d.version THEN 'searchable' ELSE 'waiting' END AS state,
    {live.ASKS} AS asks
FROM documents_document d
WHERE d.connection_id = %(connection)s AND {IS_READABLE_DOCUMENT}
ORDER BY d.id DESC LIMIT %(limit)s OFFSET %(offset)s
"""  # noqa: S608  no value stands in it


@dataclass(frozen=True, slots=True)
class Object:
    """A document of an own account, as its owner sees it.

    Attributes:
        state: `searchable`, `waiting` or `failed`.
        problem: why it has no text, in words.
    """

    uuid: UUID
    title: str
    path: str
    mime_type: str
    modified_at: datetime | None
    state: str
    problem: str


@dataclass(frozen=True, slots=True)
class Objects:
    """One page of them, and whether another follows."""

    items: tuple[Object, ...]
    has_more: bool


def of(user: User, connection: Connection, *, page: int = 1) -> Objects:
    """Return the documents of an own account that its owner may read now, the latest first.

    Args:
        user: the owner; whoever else asks gets nothing, by the rule that goes with each document.
        connection: theirs.
        page: from 1.
    """
    first = (max(page, 1) - 1) * ON_PAGE
    allowed: list[Object] = []
    for some in _allowed(user, connection):
        allowed += some
        if len(allowed) > first + ON_PAGE:
            break
    return Objects(tuple(allowed[first : first + ON_PAGE]), len(allowed) > first + ON_PAGE)


def counts(connections: list[Connection]) -> dict[int, int]:
    """Return how many documents each connection has, whoever may read them now."""
    rows = Document.objects.live().filter(connection__in=connections).values("connection_id")
    found = {row["connection_id"]: row["n"] for row in rows.annotate(n=Count("pk")).order_by()}
    return {one.pk: found.get(one.pk, 0) for one in connections}


def runs(connection: Connection) -> list[SyncRun]:
    """Return the latest syncs."""
    return list(SyncRun.objects.filter(connection=connection).order_by("-pk")[:RUNS_SHOWN])


def events(connection: Connection) -> list[SyncEvent]:
    """Return what the latest syncs had to say; of single items only while they may be read."""
    found = SyncEvent.objects.filter(connection=connection).order_by("-pk")
    if freshness.counts_until(connection) is None:
        found = found.filter(external_id="")
    return list(found[:EVENTS_SHOWN])


def failed(connection: Connection) -> list[FailedItem]:
    """Return what could not be read, the latest first; nothing while its documents are hidden."""
    if freshness.counts_until(connection) is None:
        return []
    return list(FailedItem.objects.filter(connection=connection).order_by("-pk")[:EVENTS_SHOWN])


def _allowed(user: User, connection: Connection) -> Iterator[list[Object]]:
    ends_at = time.monotonic() + live.PATIENCE_S
    failures = dict(Document.Failure.choices)
    for portion in count():
        params = {
            "connection": connection.pk,
            "limit": _AT_ONCE,
            "offset": portion * _AT_ONCE,
        }
        rows = scopes.rows_for(user, _OBJECTS, "found.id DESC", params)
        shown = live.permitted(user, ((row[0], row[-1]) for row in rows), ends_at=ends_at)
        yield [
            Object(*row[1:6], row[7], failures.get(row[6], "")) for row in rows if row[0] in shown
        ]
        if len(rows) < _AT_ONCE:
            return
