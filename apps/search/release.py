"""Hands out the text of passages: the last word on whether the asker may read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.documents import scope as scopes
from apps.documents.live import ASKS
from apps.documents.scope import IS_READABLE_DOCUMENT, Scope
from apps.search.hits import Hit

# The document is asked, not the passage's copy of its policy: a moved document's passages carry
# the old one until the worker has been there. Passages of versions before `text_from_version` were
# written for other readers.
_SELECT = f"""
SELECT asked.place, c.id, c.document_id, c.start, c."end", c.page,
       ARRAY(SELECT jsonb_array_elements_text(c.heading_path)), c.text, c.token_count,
       d.uuid, d.title, d.path, d.url, d.source_modified_at, d.last_synced_at, source.name,
       {ASKS} AS asks
FROM unnest(%(chunk_ids)s::bigint[]) WITH ORDINALITY AS asked(id, place)
JOIN search_chunk c ON c.tenant_id = %(tenant_id)s AND c.id = asked.id
JOIN documents_document d ON d.tenant_id = c.tenant_id AND d.id = c.document_id
JOIN connections_connection source
    ON source.tenant_id = d.tenant_id AND source.id = d.connection_id
WHERE {IS_READABLE_DOCUMENT} AND c.version >= d.text_from_version
ORDER BY asked.place
LIMIT %(limit)s
"""  # noqa: S608  no value stands in it


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage with everything that may be shown of it.

    Attributes:
        start: of the passage in the document's text, in characters; `end` is exclusive.
        source: name of the connection that the document came by.
        modified_at: of the document, as its source says.
        score: compares only with the passages of the same answer.
        cosine: between question and passage; None if its vector was not among the nearest.
        asks: the document's source has the last word (`documents.live`).
        token_count: of the passage with its headings, as the embedding model counts.
        context: the text with what stands beside it (`stitch`); empty where nothing was added.
        copies: other documents that say nearly the same, for which it stands (`duplicates`).
    """

    chunk_id: int
    document_id: int
    document_uuid: UUID
    title: str
    path: str
    url: str
    source: str
    modified_at: datetime | None
    last_synced_at: datetime
    heading_path: tuple[str, ...]
    page: int | None
    start: int
    end: int
    text: str
    score: float
    cosine: float | None
    asks: bool
    token_count: int = 0
    context: str = ""
    copies: int = 0

    @property
    def wide_text(self) -> str:
        """What a model reads of it: the passage, with its neighbours where they were added."""
        return self.context or self.text


@dataclass(frozen=True, slots=True)
class Released:
    """What may be shown, in the order asked for.

    Attributes:
        ok: the guard held; if not, nothing is released and the readable set is to be made anew.
        is_complete: nothing that was found before the last passage had to be left out.
    """

    ok: bool
    passages: tuple[Passage, ...] = ()
    is_complete: bool = False


def release(scope: Scope, hits: Sequence[Hit], limit: int) -> Released:
    """Return the first `limit` of the hits whose documents live and may be read now."""
    if not hits:
        return Released(ok=True, is_complete=True)
    ok, rows = scopes.rows(
        scope,
        _SELECT,
        "found.place",
        {"chunk_ids": [hit.chunk_id for hit in hits], "limit": limit},
    )
    passages = tuple(_passage(row[1:], hits[row[0] - 1]) for row in rows)
    seen = rows[-1][0] if len(rows) == limit else len(hits)
    return Released(ok, passages, is_complete=len(rows) == seen)


def still(scope: Scope, passages: Sequence[Passage]) -> tuple[bool, list[Passage]]:
    """Return whether the guard holds, and those passages that may be shown now; in their order.

    For what was released a while ago: a model that was asked meanwhile may take seconds.
    """
    hits = [Hit(one.chunk_id, one.document_id, one.score, ()) for one in passages]
    again = release(scope, hits, len(hits))
    now = {one.chunk_id for one in again.passages}
    return again.ok, [one for one in passages if one.chunk_id in now]


def _passage(row: tuple[Any, ...], hit: Hit) -> Passage:
    chunk_id, document_id, start, end, page, heading_path, text, token_count, *document = row
    uuid, title, path, url, modified_at, last_synced_at, source, asks = document
    return Passage(
        chunk_id=chunk_id,
        document_id=document_id,
        document_uuid=uuid,
        title=title,
        path=path,
        url=url,
        source=source,
        modified_at=modified_at,
        last_synced_at=last_synced_at,
        heading_path=tuple(heading_path),
        page=page,
        start=start,
        end=end,
        text=text,
        score=hit.score,
        cosine=hit.score_in("vector"),
        asks=asks,
        token_count=token_count,
    )
