"""The documents that a person may read, and the people who may read a document; now or then.

It lists ids and paths, never titles or text, and decides nothing: what is shown to somebody goes
through `access`. Where permissions are older than they count, the source is not asked. Nor does it
know of anybody's session, least of all by that of the admin who looks: what a rule for classes
narrows is left out, as in the preview.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection

from apps.accounts.models import User
from apps.acls import circumstances, class_rules, history
from apps.acls.circumstances import Circumstances
from apps.acls.history_moments import Moment
from apps.acls.history_view import View
from apps.documents import scope as scopes
from apps.documents.explain_at import carried_at
from apps.documents.models import Document
from apps.documents.scope import IS_READABLE_DOCUMENT
from apps.tenants.context import required_tenant_id

AT_MOST: Final = 1_000
_NOW: Final = f"""
SELECT d.id, d.uuid, d.path FROM documents_document d
WHERE {IS_READABLE_DOCUMENT} AND d.id > %(after)s ORDER BY d.id LIMIT %(limit)s
"""  # noqa: S608  put together from constants
_THEN: Final = """
SELECT d.id, d.uuid, d.path
FROM documents_documenthistory h
JOIN documents_document d ON d.tenant_id = h.tenant_id AND d.id = h.document_id
WHERE h.tenant_id = %(tenant)s AND h.policy_id = ANY (%(policies)s::bigint[])
    AND NOT h.is_deleted AND h.classification = ANY (%(classes)s::text[])
    AND h.document_id > %(after)s AND {holds}
ORDER BY d.id LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Listed:
    """A document by what may be shown of it to an admin; `id` is the cursor for the next page."""

    id: int
    uuid: UUID
    path: str


def documents_of(
    user: User, at: datetime | Moment | None = None, *, after: int = 0, limit: int = AT_MOST
) -> list[Listed]:
    """Return documents that a person may read, or could at a moment, in the order of their ids.

    Args:
        user: the reader.
        at: a time, or the moment of a receipt; None for now. Paths are today's.
        after: id of the last document of the page before; 0 begins.
        limit: how many at most.

    Raises:
        HistoryGone: the moment lies before what the tenant keeps.
        InvalidInput: it lies ahead.
    """
    params = {"after": after, "limit": limit}
    if at is not None:
        return _documents_then(user, history.moment_of(at), params)
    with circumstances.bound(Circumstances()):
        return [Listed(*row) for row in scopes.rows_for(user, _NOW, "found.id", params)]


def users_of(document: Document, at: datetime | Moment | None = None) -> frozenset[int]:
    """Return the ids of the people who may read a document, or could at a moment.

    Raises:
        HistoryGone: the moment lies before what the tenant keeps.
        InvalidInput: it lies ahead.
    """
    moment = history.moment_of(at)
    carried = carried_at([document.pk], moment).get(document.pk)
    if carried is None or carried.is_deleted:
        return frozenset()
    if carried.classification not in _classes_at(moment):
        return frozenset()
    return frozenset(View(moment).readers_of(carried.policy_id))


def _documents_then(user: User, moment: Moment, page: dict[str, int]) -> list[Listed]:
    params: dict[str, Any] = {
        "tenant": required_tenant_id(),
        "policies": sorted(View(moment).policies_of(user.pk)),
        "classes": _classes_at(moment),
        **page,
        **moment.params(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_THEN.format(holds=moment.holds("h")), params)
        return [Listed(*row) for row in cursor.fetchall()]


def _classes_at(moment: Moment) -> list[str]:
    """Return the classes that today's rules would have let a session without anything see then."""
    with circumstances.bound(Circumstances(at=None if moment.is_now else moment.at)):
        return class_rules.allowed_classes()
