"""Questions to start with, made from what the person may read."""

from __future__ import annotations

from apps.accounts.models import User
from apps.documents import live
from apps.documents import scope as scopes
from apps.documents.scope import IS_READABLE_DOCUMENT

_MOST = 4
_LONGEST_TITLE_CHARS = 60
_RECENT = f"""
SELECT d.title, max(d.source_modified_at) AS changed_at, max(d.id) AS newest,
    (array_agg({live.ASKS} ORDER BY d.id DESC))[1] AS asks
FROM documents_document d
WHERE {IS_READABLE_DOCUMENT} AND d.indexed_version = d.version AND d.failure = ''
    AND length(d.title) BETWEEN 3 AND %(longest)s
GROUP BY d.title
ORDER BY changed_at DESC NULLS LAST, newest DESC
LIMIT %(most)s
"""  # noqa: S608  no value stands in it


def questions(user: User) -> list[str]:
    """Return up to four questions about the documents that changed last; in a transaction."""
    order_by = "found.changed_at DESC NULLS LAST, found.newest DESC"
    params = {"longest": _LONGEST_TITLE_CHARS, "most": _MOST}
    rows = scopes.rows_for(user, _RECENT, order_by, params)
    allowed = live.permitted(user, ((newest, asks) for *_, newest, asks in rows))
    return [f"What does “{title}” say?" for title, _, newest, _ in rows if newest in allowed]
