"""Writes vectors, and finds the nearest: by a scan of what may be read, or through the index.

`vector_plan` chooses, `vector_index` knows the index.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from django.db import connection
from numpy.typing import NDArray
from pgvector import HalfVector

from apps.documents import scope as scopes
from apps.documents.scope import Scope
from apps.search.embeddings.embedding import EmbeddingMismatch
from apps.search.filters import NONE, Filters
from apps.search.hits import Evidence, Found, Hit
from apps.search.indexer import copied_policies
from apps.search.vectors import vector_index, vector_plan
from apps.search.vectors.vector_wire import Halfvec
from apps.tenants.context import required_tenant_id

# "+ 0" keeps the index out.
_SCAN = """
SELECT p.id, p.document_id, (p.embedding <=> %(vector)s::halfvec) + 0 AS distance
FROM {tables}
WHERE {is_readable}
ORDER BY distance, p.id
LIMIT %(limit)s
"""
# The guard's verdict keeps the graph from being searched for nothing.
_IN_TENANT = "p.tenant_id = %(tenant_id)s AND (SELECT ok FROM scope)"
# Here "+ 0" says that the rows come in no order yet: the index's is only nearly one.
_INDEX = """
WITH near AS MATERIALIZED (
    SELECT p.id, p.document_id, p.policy_id, {distance} AS distance
    FROM {tables}
    WHERE {is_readable} AND {is_covered}
    ORDER BY {distance}
    LIMIT %(candidates)s
)
SELECT id, document_id, distance + 0 AS distance FROM near
WHERE policy_id = ANY ((SELECT ids FROM scope)::bigint[])
ORDER BY distance + 0, id
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


def nearest(
    scope: Scope,
    vector: NDArray[np.float32],
    limit: int,
    *,
    exact: bool = False,
    filters: Filters = NONE,
) -> Found:
    """Return the readable passages whose vectors are nearest by cosine, best first.

    For a reader of few passages these are exactly the nearest. For others they come from the index,
    which misses some (docs/performance.md says how many); never fewer than there are.

    Args:
        scope: what the asker may read.
        vector: of the question, unit length, shape (dimension,).
        limit: passages at most, 1 or more.
        exact: see `scope.passages`.
        filters: what else the documents must be.
    """
    asked = _Asked(scope=scope, vector=vector, limit=limit, exact=exact, filters=filters)
    if vector_plan.takes_index(len(vector), filters):
        found = _by_index(asked)
        if not found.ok or len(found.hits) == limit:
            return found
    return _by_scan(asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """One question."""

    scope: Scope
    vector: NDArray[np.float32]
    limit: int
    exact: bool
    filters: Filters

    @property
    def source(self) -> tuple[str, str]:
        """FROM and WHERE of the passages that may be found."""
        tables, is_readable = scopes.passages(vector_plan.partition(), exact=self.asks_documents)
        if not self.filters:
            return tables, is_readable
        return tables, f"{is_readable} AND {self.filters.condition}"

    @property
    def asks_documents(self) -> bool:
        """Whether the documents' own rows decide, and not only what passages copied of them."""
        return self.exact or bool(self.filters)


def _by_scan(asked: _Asked) -> Found:
    tables, is_readable = asked.source
    return _run(asked, _SCAN.format(tables=tables, is_readable=is_readable), asked.limit)


def _by_index(asked: _Asked) -> Found:
    dimension = len(asked.vector)
    tables, is_readable = asked.source
    statement = _INDEX.format(
        tables=tables,
        # Comparing each row that the graph leads to with a list of 20,000 policies would cost more
        # than the search. Row-level security knows them by a bit; the list is asked at the end.
        is_readable=is_readable if asked.asks_documents else _IN_TENANT,
        is_covered=vector_index.covers(dimension),
        distance=vector_index.distance(dimension),
    )
    with vector_plan.searching():
        return _run(asked, statement, vector_plan.candidates(asked.limit))


def _run(asked: _Asked, statement: str, candidates: int) -> Found:
    values = {
        "vector": Halfvec(asked.vector),
        "limit": asked.limit,
        "candidates": candidates,
    }
    ok, rows = scopes.rows(
        asked.scope, statement, "found.distance, found.id", asked.filters.params | values
    )
    return Found(
        ok,
        tuple(
            Hit(chunk_id, document_id, 1 - distance, (Evidence("vector", rank, 1 - distance),))
            for rank, (chunk_id, document_id, distance) in enumerate(rows, start=1)
        ),
    )
