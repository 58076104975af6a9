"""Writes a document's passages so that those whose words are unchanged keep their rows."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import connection

from apps.documents.chunking import Chunk as Passage
from apps.documents.models import Document
from apps.search.indexer import copied_policies
from apps.search.models import Chunk
from apps.search.vectors import vector_store
from apps.search.words import term_rows
from apps.search.words.term_rows import Analysed

_ROWS = (
    'jsonb_to_recordset(%(rows)s::jsonb) AS r(id bigint, ordinal int, start int, "end" int,'
    " page int, heading_path jsonb, lexemes text, text text, token_count int, sha256 text)"
)
_INSERT = f"""
INSERT INTO search_chunk (tenant_id, document_id, policy_id, policy_ordinal, version, ordinal,
    start, "end", page, heading_path, text, token_count, sha256, lexemes)
SELECT %(tenant_id)s, %(document_id)s, %(policy_id)s, {copied_policies.ORDINAL}, %(version)s,
    r.ordinal, r.start, r."end", r.page, r.heading_path, r.text, r.token_count, r.sha256,
    r.lexemes::tsvector
FROM {_ROWS}
RETURNING ordinal, id
"""  # noqa: S608  no value stands in it
_UPDATE = f"""
UPDATE search_chunk c SET policy_id = %(policy_id)s, policy_ordinal = {copied_policies.ORDINAL},
    version = %(version)s, ordinal = r.ordinal,
    start = r.start, "end" = r."end", page = r.page, heading_path = r.heading_path, text = r.text,
    lexemes = r.lexemes::tsvector
FROM {_ROWS}
WHERE c.tenant_id = %(tenant_id)s AND c.document_id = %(document_id)s AND c.id = r.id
"""  # noqa: S608  no value stands in it


@dataclass(frozen=True, slots=True)
class Plan:
    """Which passages are stored already, and which are to be written.

    Attributes:
        kept: id of a stored chunk -> the passage with the same text and headings.
        added: passages without such a row; they need vectors.
    """

    kept: dict[int, Passage]
    added: tuple[Passage, ...]


def plan(document_id: int, passages: Sequence[Passage]) -> Plan:
    """Match passages with the stored chunks of the document by what was embedded of them.

    A chunk without a vector matches nothing, so it is written again.
    """
    with_vector = vector_store.chunks_with_vector(document_id)
    stored = defaultdict(list)
    for chunk_id, sha256 in (
        Chunk.objects.filter(document_id=document_id)
        .order_by("-ordinal")
        .values_list("pk", "sha256")
    ):
        if chunk_id in with_vector:
            stored[sha256].append(chunk_id)
    kept: dict[int, Passage] = {}
    added = []
    for passage in passages:
        if stored[passage.sha256]:
            kept[stored[passage.sha256].pop()] = passage
        else:
            added.append(passage)
    return Plan(kept, tuple(added))


def write(document: Document, title: str, plan: Plan) -> dict[int, int]:
    """Make the document's chunks exactly those of the plan; in the caller's transaction.

    Args:
        document: locked by the caller.
        title: its words are found with every passage.
        plan: made under that lock.

    Returns:
        ordinal -> id of the chunks that were added.
    """
    passages = [*plan.kept.values(), *plan.added]
    language = term_rows.language_of(passages)
    analysed = {one.ordinal: term_rows.analysed(title, one, language) for one in passages}
    # Their terms go first, since chunk by chunk they would be counted one by one.
    term_rows.remove([document.pk])
    gone = Chunk.objects.filter(document_id=document.pk).exclude(pk__in=list(plan.kept))
    gone.delete()
    names = {
        "tenant_id": document.tenant_id,
        "document_id": document.pk,
        "policy_id": document.policy_id,
        "version": document.version,
    }
    ids: dict[int, int] = {}
    with connection.cursor() as cursor:
        if plan.kept:
            cursor.execute(_UPDATE, {**names, "rows": _json(plan.kept.items(), analysed)})
        if plan.added:
            new = ((None, passage) for passage in plan.added)
            cursor.execute(_INSERT, {**names, "rows": _json(new, analysed)})
            ids = dict(cursor.fetchall())
    written = {chunk_id: analysed[one.ordinal] for chunk_id, one in plan.kept.items()}
    written |= {chunk_id: analysed[ordinal] for ordinal, chunk_id in ids.items()}
    term_rows.add(document.pk, document.policy_id, language, written)
    return ids


def _json(passages: Iterable[tuple[int | None, Passage]], analysed: Mapping[int, Analysed]) -> str:
    return json.dumps(
        [
            {
                "id": chunk_id,
                "ordinal": passage.ordinal,
                "start": passage.start,
                "end": passage.end,
                "page": passage.page,
                "heading_path": list(passage.heading_path),
                "lexemes": analysed[passage.ordinal].lexemes,
                "text": passage.text,
                "token_count": passage.token_count,
                "sha256": passage.sha256,
            }
            for chunk_id, passage in passages
        ]
    )
