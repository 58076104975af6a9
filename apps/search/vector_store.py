"""Everything that SQL knows of vectors. Exact scans; an index would be added behind this seam.

An exact scan over the permitted rows is right by construction, and the fastest way up to some ten
thousand of them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from django.db import connection
from numpy.typing import NDArray
from pgvector import HalfVector

from apps.documents import scope as scopes
from apps.documents.scope import Scope
from apps.search import copied_policies
from apps.search.embedding import EmbeddingMismatch
from apps.search.hits import Evidence, Found, Hit
from apps.tenants.context import required_tenant_id

# "+ 0" keeps an HNSW index, should there be one, out of the exact form.
_NEAREST = """
SELECT p.id, p.document_id, (p.embedding <=> %(vector)s::halfvec) + 0 AS distance
FROM {source}
WHERE {is_readable}
ORDER BY distance, p.id
LIMIT %(limit)s
"""
_INSERT = f"""
INSERT INTO search_chunkvector (tenant_id, id, document_id, policy_id, policy_ordinal, embedding)
SELECT %(tenant_id)s, r.id, %(document_id)s, %(policy_id)s, {copied_policies.ORDINAL},
    r.embedding::halfvec
FROM unnest(%(ids)s::bigint[], %(embeddings)s::text[]) AS r(id, embedding)
"""  # noqa: S608  a constant


def replace(
    document_id: int,
    policy_id: int,
    added: Mapping[int, NDArray[np.float32]],
    *,
    kept: frozenset[int] = frozenset(),
) -> None:
    """Make the document's vectors those of exactly the added and the kept chunks.

    Runs in the caller's transaction, after the chunks themselves were written.

    Args:
        document_id: the document.
        policy_id: its policy, which the vectors copy for the filter inside the scan.
        added: chunk id -> unit vector, shape (dimension,).
        kept: chunks whose vectors stand already.

    Raises:
        EmbeddingMismatch: afterwards some chunk would have no vector; nothing may be committed.
    """
    names = {"tenant_id": required_tenant_id(), "document_id": document_id, "policy_id": policy_id}
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM search_chunkvector WHERE tenant_id = %(tenant_id)s"
            " AND document_id = %(document_id)s AND NOT id = ANY (%(kept)s::bigint[])",
            {**names, "kept": list(kept)},
        )
        cursor.execute(
            "UPDATE search_chunkvector SET policy_id = %(policy_id)s,"  # noqa: S608  a constant
            f" policy_ordinal = {copied_policies.ORDINAL}"
            " WHERE tenant_id = %(tenant_id)s AND document_id = %(document_id)s"
            " AND policy_id <> %(policy_id)s",
            names,
        )
        if added:
            texts = [HalfVector(vector).to_text() for vector in added.values()]
            cursor.execute(_INSERT, {**names, "ids": list(added), "embeddings": texts})
    _check_complete(document_id)


def _check_complete(document_id: int) -> None:
    """Hold that each chunk of the document has its vector, and no vector lacks its chunk."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(c.id), count(v.id), count(c.id) FILTER (WHERE v.id IS NULL)"
            " FROM (SELECT id FROM search_chunk WHERE tenant_id = %(tenant_id)s"
            "  AND document_id = %(document_id)s) c"
            " FULL JOIN (SELECT id FROM search_chunkvector WHERE tenant_id = %(tenant_id)s"
            "  AND document_id = %(document_id)s) v ON v.id = c.id",
            {"tenant_id": required_tenant_id(), "document_id": document_id},
        )
        chunks, vectors, missing = cursor.fetchone()
    if missing or chunks != vectors:
        raise EmbeddingMismatch(
            "Not every passage of the document has exactly one vector, so none was stored.",
            detail=f"document {document_id}: {chunks} chunks, {vectors} vectors, {missing} missing",
        )


def chunks_with_vector(document_id: int) -> set[int]:
    """Return the ids of the document's chunks that have a vector."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM search_chunkvector"
            " WHERE tenant_id = %(tenant_id)s AND document_id = %(document_id)s",
            {"tenant_id": required_tenant_id(), "document_id": document_id},
        )
        return {chunk_id for (chunk_id,) in cursor.fetchall()}


def point(document_ids: list[int]) -> None:
    """Let the vectors of these documents carry their documents' policies."""
    copied_policies.follow("search_chunkvector", document_ids)


def clear() -> int:
    """Delete every vector of the bound tenant, and return how many there were."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM search_chunkvector WHERE tenant_id = %s", [required_tenant_id()]
        )
        return int(cursor.rowcount)


def nearest(scope: Scope, vector: NDArray[np.float32], limit: int, *, exact: bool = False) -> Found:
    """Return the readable passages whose vectors are nearest by cosine, best first.

    Args:
        scope: what the asker may read.
        vector: of the question, unit length, shape (dimension,).
        limit: passages at most.
        exact: see `scope.passages`.
    """
    source, is_readable = scopes.passages("search_chunkvector", exact=exact)
    ok, rows = scopes.rows(
        scope,
        _NEAREST.format(source=source, is_readable=is_readable),
        "found.distance, found.id",
        {"vector": HalfVector(vector).to_text(), "limit": limit},
    )
    return Found(
        ok,
        tuple(
            Hit(chunk_id, document_id, 1 - distance, (Evidence("vector", rank, 1 - distance),))
            for rank, (chunk_id, document_id, distance) in enumerate(rows, start=1)
        ),
    )
