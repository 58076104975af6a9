"""Documents by filters alone, without a question: the latest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.accounts.models import User
from apps.documents import live
from apps.documents import scope as scopes
from apps.documents.live import ASKS
from apps.documents.scope import IS_READABLE_DOCUMENT
from apps.search.filters import Filters

_LATEST = f"""
SELECT d.id, d.uuid, d.title, d.path, d.url, source.name, d.source_modified_at, d.mime_type,
    d.author, {ASKS} AS asks
FROM documents_document d
JOIN connections_connection source
    ON source.tenant_id = d.tenant_id AND source.id = d.connection_id
WHERE {IS_READABLE_DOCUMENT} AND {{condition}}
ORDER BY d.source_modified_at DESC NULLS LAST, d.id DESC
LIMIT %(limit)s
"""  # noqa: S608  no value stands in it
_ORDER = "found.source_modified_at DESC NULLS LAST, found.id DESC"


@dataclass(frozen=True, slots=True)
class Listed:
    """A document as a list shows it, without any of its text."""

    id: int
    uuid: UUID
    title: str
    path: str
    url: str
    source: str
    modified_at: datetime | None
    mime_type: str
    author: str


def latest(user: User, filters: Filters, limit: int) -> list[Listed]:
    """Return the readable documents that changed last, within the filters.

    Args:
        user: who looks.
        filters: what else they must be.
        limit: documents at most.
    """
    select = _LATEST.format(condition=filters.condition)
    rows = scopes.rows_for(user, select, _ORDER, {**filters.params, "limit": limit})
    allowed = live.permitted(user, ((row[0], row[-1]) for row in rows))
    return [Listed(*row[:-1]) for row in rows if row[0] in allowed]
