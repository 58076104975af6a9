"""BM25 search: which readable passages have the question's words, the rarest words counting most.

Two ways to the same order. Who may read few passages has all of them scored. Otherwise an index
says which passages have one of the question's rarer words; it lies behind a function of the
database's owner, because under row-level security PostgreSQL lets no such index be used (see the
migration `0004_terms`). What the function names is read again through row-level security.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from django.db import connection

from apps.acls.binary import BigintArray, Ids
from apps.documents import scope as scopes
from apps.documents.scope import IS_READABLE, IS_READABLE_DOCUMENT, Scope
from apps.search.filters import NONE, Filters
from apps.search.hits import Evidence, Found, Hit
from apps.search.vectors import vector_plan
from apps.search.words import bm25, languages, question, term_rows, terms
from apps.search.words.question import Wanted
from apps.tenants.context import required_tenant_id

__all__ = ["Wanted", "Weighed", "search", "understand", "weigh"]

# The index is asked for a question's rarer words only, as long as these lead to so many passages,
# and to so many times as many readable ones as are wanted; these are scored by all words. Measured
# by benchmarks/lexical_search.py.
_NAMED = 10_000
_AMPLE = 20
_COUNTS = """
SELECT (SELECT sum(passages) FROM search_languagecount WHERE tenant_id = %(tenant_id)s),
    ARRAY(SELECT ROW(term, passages)::text FROM search_termcount
          WHERE tenant_id = %(tenant_id)s AND term = ANY (%(numbers)s::integer[]))
"""
_DOCUMENTS = f"""
SELECT array_agg(d.id) AS ids FROM documents_document d
WHERE {IS_READABLE_DOCUMENT} AND d.indexed_version >= d.text_from_version AND {{condition}}
"""  # noqa: S608  no value stands in it
_BEST = """
SELECT best.id, best.document_id, best.score,
    ARRAY(SELECT asked.term FROM unnest(%(numbers)s::integer[]) asked(term)
          WHERE asked.term = ANY (best.terms)) AS has
FROM ({best}) best
WHERE best.score > 0
"""
_SCORE_ALL = """
SELECT p.id, p.document_id, p.terms, -(p.impacts <#> %(question)s::sparsevec) AS score
FROM search_chunkterms p
WHERE {is_readable} AND p.terms @> %(required)s::integer[]
    AND (%(phrases)s::tsquery IS NULL OR EXISTS (
        SELECT FROM search_chunk c WHERE c.tenant_id = %(tenant_id)s AND c.id = p.id
            AND c.lexemes @@ %(phrases)s::tsquery))
ORDER BY score DESC, p.id
LIMIT %(limit)s
"""
_SEARCH = """
SELECT p.id, p.document_id, p.terms, named.score
FROM kenward_search_terms(%(matching)s::integer[], %(required)s::integer[],
    %(question)s::sparsevec, %(phrases)s::tsquery, (SELECT ids FROM scope)::bigint[],
    %(documents)s::bigint[], %(limit)s) named
JOIN search_chunkterms p ON p.tenant_id = %(tenant_id)s AND p.id = named.id
WHERE {is_readable}
"""
_BY_POLICY = IS_READABLE.format(alias="p")
# The documents were asked under the guard; row-level security goes by the passages' own policies.
_BY_DOCUMENT = (
    "p.tenant_id = %(tenant_id)s AND p.document_id = ANY (%(documents)s::bigint[])"
    " AND (SELECT ok FROM scope)"
)


@dataclass(frozen=True, slots=True)
class Weighed:
    """What a question asks for, and how rare its terms are in the bound tenant.

    Attributes:
        wanted: what it asks for.
        terms: number -> term.
        passages: of the tenant, in all.
        known: number of each term that some passage has -> how many have it, the rarest first.
        weights: number -> what it counts.
    """

    wanted: Wanted
    terms: Mapping[int, str]
    passages: int
    known: Mapping[int, int]
    weights: Mapping[int, float]

    @property
    def rarities(self) -> dict[str, float]:
        """How much each term says among the tenant's passages; one that none has is left out."""
        return {self.terms[number]: weight for number, weight in self.weights.items()}

    def rarest(self, most: float) -> list[int]:
        """Return the rarest terms that together are in so many passages at most; at least one."""
        within = accumulate(self.known.values())
        rarest = [number for number, named in zip(self.known, within, strict=True) if named <= most]
        return rarest or [next(iter(self.known))]

    def named(self, matching: Iterable[int]) -> int:
        """Return how many passages the index names for these terms at most."""
        return sum(self.known[number] for number in matching)


def understand(query: str) -> Wanted | None:
    """Return what a question asks for, in the languages of the bound tenant's documents.

    None if it has no word but stop words.
    """
    return question.understand(query, languages.asked(languages.passages_by_language()))


def weigh(wanted: Wanted) -> Weighed:
    """Look up how rare a question's terms are in the bound tenant."""
    by_number = {terms.number(term): term for term in wanted.weights}
    names: dict[str, Any] = {"tenant_id": required_tenant_id(), "numbers": list(by_number)}
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, names)
        total, rows = cursor.fetchone()
    counts = {int(number): int(having) for number, having in (_pair(row) for row in rows)}
    known = dict(sorted(counts.items(), key=lambda count: (count[1], count[0])))
    weights = {
        number: wanted.weights[by_number[number]] * bm25.rarity(int(total), having)
        for number, having in known.items()
    }
    return Weighed(wanted, by_number, int(total or 0), known, weights)


def search(
    scope: Scope, asked: Weighed, limit: int, *, exact: bool = False, filters: Filters = NONE
) -> Found:
    """Return the readable passages that score best by BM25.

    Args:
        scope: what the asker may read.
        asked: see `understand` and `weigh`.
        limit: passages at most.
        exact: see `scope.passages`.
        filters: what the documents have to be besides.

    Returns:
        hits with their score; their evidence is the share of the question's words they have.
    """
    if not asked.known:
        return Found(ok=True)
    search_of = _Search(scope, asked, limit)
    if exact or filters:
        return search_of.among_documents(filters)
    return search_of.among_all()


@dataclass(frozen=True, slots=True)
class _Search:
    scope: Scope
    asked: Weighed
    limit: int

    def among_all(self) -> Found:
        permitted = vector_plan.reach().permitted
        matching = self._matching(permitted)
        if permitted <= self.asked.named(matching):
            return self._run(_SCORE_ALL.format(is_readable=_BY_POLICY), {})
        return self._indexed(_BY_POLICY, matching, None)

    def among_documents(self, filters: Filters) -> Found:
        statement = _DOCUMENTS.format(condition=filters.condition)
        ok, rows = scopes.rows(self.scope, statement, "1", filters.params)
        if not ok or not rows:
            return Found(ok)
        documents: Ids = rows[0][0]
        permitted = vector_plan.reach(filters).permitted
        matching = self._matching(permitted)
        if permitted <= self.asked.named(matching):
            names = {"documents": BigintArray(documents)}
            return self._run(_SCORE_ALL.format(is_readable=_BY_DOCUMENT), names)
        return self._indexed(_BY_DOCUMENT, matching, documents)

    def _matching(self, permitted: int) -> list[int]:
        """Return by which terms to look: the rarer ones, as far as these lead to enough."""
        reach = permitted / max(self.asked.passages, permitted, 1)
        ample = _AMPLE * self.limit / reach if reach else math.inf
        return self.asked.rarest(max(_NAMED, ample))

    def _indexed(self, is_readable: str, matching: list[int], documents: Ids | None) -> Found:
        """Ask the index; once more, by all terms, where the rarer ones led to fewer than wanted."""
        found = self._named(is_readable, matching, documents)
        if not found.ok or len(found.hits) >= self.limit or len(matching) == len(self.asked.known):
            return found
        return self._named(is_readable, list(self.asked.known), documents)

    def _named(self, is_readable: str, matching: list[int], documents: Ids | None) -> Found:
        asked = None if documents is None else BigintArray(documents)
        names = {"matching": matching, "documents": asked}
        return self._run(_SEARCH.format(is_readable=is_readable), names)

    def _run(self, statement: str, names: Mapping[str, Any]) -> Found:
        params = {
            "numbers": list(self.asked.known),
            "question": term_rows.sparse(self.asked.weights),
            "required": [terms.number(term) for term in self.asked.wanted.required],
            "phrases": self.asked.wanted.phrases or None,
            "limit": self.limit,
            **names,
        }
        order = "found.score DESC, found.id"
        ok, rows = scopes.rows(self.scope, _BEST.format(best=statement), order, params)
        return Found(ok, self._hits(rows))

    def _hits(self, rows: Sequence[tuple[int, int, float, Collection[int]]]) -> tuple[Hit, ...]:
        hits = []
        for rank, (chunk_id, document_id, score, has) in enumerate(rows, start=1):
            share = self.asked.wanted.share(self.asked.terms[number] for number in has)
            hits.append(Hit(chunk_id, document_id, score, (Evidence("lexical", rank, share),)))
        return tuple(hits)


def _pair(row: str) -> list[str]:
    return row.strip("()").split(",")
