"""A tenant of made-up passages whose words are as unevenly frequent as those of a language."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from django.db import connection, connections, transaction
from django.utils import timezone
from numpy.typing import NDArray

from apps.acls import placement
from apps.connections.models import Connection
from apps.search.words import bm25, terms
from apps.tenants.context import tenant_context, unrestricted_reading
from apps.tenants.models import Tenant

_VOCABULARY = 200_000
_TOKENS = 140
_PER_DOCUMENT = 10
_POLICIES = 2_000
_AT_ONCE = 10_000
_LANGUAGE = terms.UNSTEMMED
_SEED = 5
_DOCUMENTS = """
INSERT INTO documents_document (tenant_id, connection_id, uuid, external_id, policy_id, title, path,
    url, mime_type, size_bytes, source_version, version, text_from_version, indexed_version,
    index_attempts, failure, failure_message, author, last_synced_at, created_at)
SELECT %(tenant)s, %(connection)s, gen_random_uuid(), 'd' || n, policy, 'Document ' || n, 'd/' || n,
    '', '', 1, '1', 1, 1, 1, 0, '', '', '', now(), now()
FROM unnest(%(policies)s::bigint[]) WITH ORDINALITY AS each(policy, n)
"""
_POLICY_ROWS = """
INSERT INTO acls_policy (tenant_id, id, ordinal, fingerprint, clause_count)
SELECT %(tenant)s, n, n, 'benchmark' || n, 1 FROM generate_series(1, %(policies)s) n
"""
_CHUNKS = """
INSERT INTO search_chunk (tenant_id, document_id, policy_id, policy_ordinal, version, ordinal,
    start, "end", heading_path, text, token_count, sha256, lexemes)
SELECT %(tenant)s, d.id, d.policy_id, d.policy_id, 1, n, 0, 10, '[]', 'Passage', 4, '', ''
FROM documents_document d, generate_series(0, %(each)s - 1) n ORDER BY d.id, n
"""
# By its vectors a tenant's size is estimated; of one dimension they take hardly any room.
_VECTORS = """
INSERT INTO search_chunkvector (tenant_id, id, document_id, policy_id, policy_ordinal, embedding)
SELECT tenant_id, id, document_id, policy_id, policy_ordinal, '[1]' FROM search_chunk
"""
_ROWS = (
    "COPY search_chunkterms (tenant_id, id, document_id, policy_id, policy_ordinal, language,"
    " terms, impacts) FROM STDIN"
)


@dataclass(frozen=True)
class WordedTenant:
    """What stands in the database.

    Attributes:
        policies: of each passage, shape (passages,); a policy's ordinal is its id.
    """

    tenant: Tenant
    policies: NDArray[np.int64]

    def readable(self, reach: float, random: np.random.Generator) -> NDArray[np.int64]:
        """Return policies that admit about this share of the passages."""
        ids, counts = np.unique(self.policies, return_counts=True)
        order = random.permutation(len(ids))
        if reach >= 1:
            return ids
        wanted = reach * len(self.policies)
        chosen, have = [], 0
        for place in order:
            if have + counts[place] <= wanted * 1.05:
                chosen.append(ids[place])
                have += counts[place]
        return np.sort(np.array(chosen, np.int64))


def word(rank: int) -> str:
    """Return the word that is the rank-th most frequent."""
    return f"w{rank}"


def frequencies() -> NDArray[np.float64]:
    """Return how likely each word is, the most frequent first, shape (words,); Zipf's law."""
    weights = 1 / (np.arange(_VOCABULARY) + 2.7) ** 1.07
    return np.asarray(weights / weights.sum())


def build(passages: int) -> WordedTenant:
    """Write the tenant; 1,000,000 passages take about fifteen minutes."""
    random = np.random.default_rng(_SEED)
    tenant = Tenant.objects.create(slug="words", name="Words")
    documents = passages // _PER_DOCUMENT
    sizes = 1 / np.arange(1, _POLICIES + 1) ** 0.7
    policy_of = random.choice(np.arange(1, _POLICIES + 1), size=documents, p=sizes / sizes.sum())
    with tenant_context(tenant), unrestricted_reading(), transaction.atomic():
        placement.ensure()
        source = Connection.objects.create(
            tenant=tenant, kind="memory", name="Words", permissions_confirmed_at=timezone.now()
        )
        with connection.cursor() as cursor:
            cursor.execute(_POLICY_ROWS, {"tenant": tenant.pk, "policies": _POLICIES})
            names = {
                "tenant": tenant.pk,
                "connection": source.pk,
                "policies": policy_of.tolist(),
                "each": _PER_DOCUMENT,
            }
            cursor.execute(_DOCUMENTS, names)
            cursor.execute(_CHUNKS, names)
            cursor.execute("SELECT id, document_id, policy_id FROM search_chunk ORDER BY id")
            chunks = np.array(cursor.fetchall(), np.int64)
        with connection.cursor() as cursor:
            cursor.execute(_VECTORS)
    _write_terms(tenant, chunks, random)
    with connections["owner"].cursor() as cursor:
        for table in ("search_chunkterms", "search_chunkvector", "search_chunk"):
            cursor.execute(f"VACUUM ANALYZE {table}")
    return WordedTenant(tenant, chunks[:, 2])


def _write_terms(tenant: Tenant, chunks: NDArray[np.int64], random: np.random.Generator) -> None:
    numbers = np.array([terms.number(word(rank)) for rank in range(_VOCABULARY)])
    upto = np.cumsum(frequencies())
    for first in range(0, len(chunks), _AT_ONCE):
        some = chunks[first : first + _AT_ONCE]
        drawn = np.searchsorted(upto, random.random((len(some), _TOKENS)))
        # As the owner: nothing is copied into a table whose row-level security holds for the role.
        with (
            tenant_context(tenant),
            transaction.atomic("owner"),
            connections["owner"].cursor() as cursor,
            cursor.copy(_ROWS) as copy,
        ):
            for row in _rows(tenant.pk, some, drawn, numbers):
                copy.write_row(row)


def _rows(
    tenant_id: int, chunks: NDArray[np.int64], drawn: NDArray[np.int64], numbers: NDArray[np.int64]
) -> Iterator[tuple[object, ...]]:
    fixed = bm25.K1 * (1 - bm25.B + bm25.B * _TOKENS / bm25.USUAL_LENGTH)
    for (chunk_id, document_id, policy_id), words in zip(chunks.tolist(), drawn, strict=True):
        ranks, counts = np.unique(words, return_counts=True)
        mine = numbers[ranks]
        order = np.argsort(mine)
        mine, counts = mine[order], counts[order]
        keep = np.concatenate(([True], mine[1:] != mine[:-1]))
        impacts = np.round(counts * (bm25.K1 + 1) / (counts + fixed), 5)
        pairs = zip(mine[keep].tolist(), impacts[keep].tolist(), strict=True)
        listed = list(pairs)
        numbered = ",".join(f"{number}:{impact}" for number, impact in listed)
        yield (
            tenant_id,
            chunk_id,
            document_id,
            policy_id,
            policy_id,
            _LANGUAGE,
            f"{{{','.join(str(number) for number, _ in listed)}}}",
            f"{{{numbered}}}/{terms.DIMENSIONS}",
        )
