"""What an answer rests on, and whether its reader may still read it.

Every document that was in the prompt is evidence, cited or not: a paraphrase leaks like a quote.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.urls import reverse

from apps.accounts.models import User
from apps.chat.models import Citation
from apps.chat.receipts import Receipt
from apps.documents import live
from apps.documents import scope as scopes
from apps.documents.scope import IS_READABLE_DOCUMENT
from apps.search.release import Passage

_SNIPPET_CHARS = 240
_READABLE = (
    f"SELECT d.id, {live.ASKS} AS asks FROM documents_document d"  # noqa: S608  no value stands in it
    f" WHERE {IS_READABLE_DOCUMENT} AND d.id = ANY (%(ids)s::bigint[])"
)
_SOURCES = f"""
SELECT asked.place, d.uuid, d.title, d.path, source.name, d.source_modified_at,
       substr(t.text, asked.start + 1, least(asked.stop - asked.start, {4 * _SNIPPET_CHARS})),
       {live.ASKS} AS asks
FROM unnest(%(ids)s::bigint[], %(starts)s::int[], %(stops)s::int[])
    WITH ORDINALITY AS asked(id, start, stop, place)
JOIN documents_document d ON d.tenant_id = %(tenant_id)s AND d.id = asked.id
JOIN connections_connection source
    ON source.tenant_id = d.tenant_id AND source.id = d.connection_id
LEFT JOIN documents_documenttext t ON t.tenant_id = d.tenant_id AND t.document_id = d.id
    AND t.version >= d.text_from_version
WHERE {IS_READABLE_DOCUMENT}
"""  # noqa: S608  no value stands in it


@dataclass(frozen=True, slots=True)
class Source:
    """A numbered source as the reader sees it beside the answer.

    Attributes:
        number: what [n] in the answer means.
        source: name of the connection that the document came by.
        snippet: the beginning of the passage, as plain text.
        url: the document's page, at the passage.
        modified_at: of the document, as its source says.
        is_cited: the answer names its number.
        receipt: why the reader could read it when the prompt was made.
    """

    number: int
    title: str
    path: str
    source: str
    snippet: str
    url: str
    modified_at: datetime | None
    is_cited: bool = False
    receipt: Receipt | None = None

    def as_json(self) -> dict[str, Any]:
        """Return what a `sources` frame says of it."""
        return {
            "number": self.number,
            "title": self.title,
            "path": self.path,
            "source": self.source,
            "snippet": self.snippet,
            "url": self.url,
            "modified_at": self.modified_at.isoformat() if self.modified_at else None,
            "receipt": _told(self.receipt) if self.receipt else None,
        }


def listed(
    passages: Sequence[Passage], receipts: Mapping[int, Receipt] | None = None
) -> list[Source]:
    """Return the passages of a prompt as sources, numbered from 1.

    Args:
        passages: in the order of the numbers.
        receipts: by the documents' ids.
    """
    return [
        Source(
            number=number,
            title=passage.title,
            path=passage.path,
            source=passage.source,
            snippet=_snippet(passage.text),
            url=_url(passage.document_uuid, passage.start, passage.end),
            modified_at=passage.modified_at,
            receipt=(receipts or {}).get(passage.document_id),
        )
        for number, passage in enumerate(passages, start=1)
    ]


def readable(user: User, document_ids: Iterable[int]) -> frozenset[int]:
    """Return those of the documents that the person may read now; in a transaction."""
    wanted = sorted(set(document_ids))
    if not wanted:
        return frozenset()
    rows = scopes.rows_for(user, _READABLE, "found.id", {"ids": wanted})
    return live.permitted(user, ((pk, asks) for pk, asks in rows))


def sources(user: User, citations: Collection[Citation]) -> dict[int, Source]:
    """Return, by the citation's id, the sources that the person may read now."""
    asked = list(citations)
    if not asked:
        return {}
    params = {
        "ids": [citation.document_id for citation in asked],
        "starts": [citation.start for citation in asked],
        "stops": [citation.end for citation in asked],
    }
    rows = scopes.rows_for(user, _SOURCES, "found.place", params)
    allowed = live.permitted(user, ((asked[row[0] - 1].document_id, row[-1]) for row in rows))
    cited = ((asked[row[0] - 1], row[1:-1]) for row in rows)
    return {one.pk: _source(one, row) for one, row in cited if one.document_id in allowed}


def _source(citation: Citation, row: Sequence[Any]) -> Source:
    uuid, title, path, source, modified_at, text = row
    return Source(
        number=citation.number,
        title=title,
        path=path,
        source=source,
        snippet=_snippet(text or ""),
        url=_url(uuid, citation.start, citation.end),
        modified_at=modified_at,
        is_cited=citation.is_cited,
        receipt=Receipt.from_json(citation.receipt),
    )


def _told(receipt: Receipt) -> dict[str, str | None]:
    return {
        "because": receipt.because,
        "checked_at": receipt.at.isoformat(),
        "confirmed_at": receipt.confirmed_at.isoformat() if receipt.confirmed_at else None,
    }


def _url(document: UUID, start: int, end: int) -> str:
    return f"{reverse('documents:document', args=[document])}?passage={start}-{end}"


def _snippet(text: str) -> str:
    line = " ".join(text.split())
    if len(line) <= _SNIPPET_CHARS:
        return line
    return line[:_SNIPPET_CHARS].rpartition(" ")[0].rstrip(",;:–- ") + " …"
