"""Why somebody may read a document, or why not: now, at a time, or as a receipt saw it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from django.db import connection

from apps.accounts.models import User
from apps.acls import explain as engine
from apps.acls import history
from apps.acls.explain import Carried
from apps.acls.explain_parts import Explanation
from apps.acls.history_moments import Moment
from apps.documents.models import Document
from apps.tenants.context import required_tenant_id

_CARRIED: Final = """
SELECT h.document_id, h.policy_id, h.classification, h.is_deleted
FROM documents_documenthistory h
WHERE h.tenant_id = %(tenant)s AND h.document_id = ANY (%(ids)s::bigint[]) AND {holds}
"""
_UNKNOWN: Final = "the document was not known"


def explain(user: User, document: Document, at: datetime | Moment | None = None) -> Explanation:
    """Return why a person may read a document, or what is missing.

    Rules for classes are judged by the circumstances that are bound; with none bound, what needs a
    session counts as not given.

    Args:
        user: about whom it is asked.
        document: of the bound tenant; deleted ones too.
        at: a time, or the moment of a receipt; None for now.

    Raises:
        HistoryGone: it lies before what the tenant keeps.
        InvalidInput: it lies ahead.
    """
    return explain_many(user, [document.pk], history.moment_of(at))[document.pk]


def explain_many(
    user: User, document_ids: Collection[int], moment: Moment
) -> dict[int, Explanation]:
    """Return an explanation for each document, all of one moment; about as costly as one."""
    carried = carried_at(document_ids, moment)
    known = sorted(carried)
    found = engine.explain_many(user, [carried[pk] for pk in known], moment) if known else ()
    unknown = Explanation(
        verdict=False,
        at=moment.at,
        snapshot=moment.snapshot,
        policy_id=0,
        clauses=(),
        missing=(_UNKNOWN,),
    )
    return dict.fromkeys(document_ids, unknown) | dict(zip(known, found, strict=True))


def carried_at(document_ids: Collection[int], moment: Moment) -> dict[int, Carried]:
    """Return what decided about documents at a moment, of those that were known then."""
    sql = _CARRIED.format(holds=moment.holds("h"))
    params = {"tenant": required_tenant_id(), "ids": list(document_ids), **moment.params()}
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return {row[0]: Carried(*row[1:]) for row in cursor.fetchall()}
