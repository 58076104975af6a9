"""BM25 search: which readable passages have the question's words, the rarest words counting most.

Two ways to the same order. Who may read few passages has all of them scored. Otherwise an index
says which passages have one of the question's rarer words; it lies behind a function of the
database's owner, because under row-level security PostgreSQL lets no such index be used (see the
migration `0004_terms`). What the function names is read again through row-level security.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from django.db import connection

from apps.acls.binary import BigintArray, Ids
from apps.documents import scope as scopes
from apps.documents.scope import IS_READABLE, IS_READABLE_DOCUMENT, Scope
from apps.search import bm25, languages, question, term_rows, terms
from apps.search.filters import NONE, Filters
from apps.search.hits import Evidence, Found, Hit
from apps.search.question import Wanted
from apps.tenants.context import required_tenant_id

__all__ = ["Wanted", "search", "understand"]

# Measured by benchmarks/lexical_search.py: up to so many readable passages, scoring them all is
# faster than looking for those that have a word.
_FEW_PASSAGES = 4_000
_FEW_DOCUMENTS = 400
# Passages that the index may name before commoner words no longer lead to further ones; those that
# rarer words led to are scored by all words.
_MOST_NAMED = 20_000
_COUNTS = """
SELECT (SELECT sum(passages) FROM search_languagecount WHERE tenant_id = %(tenant_id)s),
    ARRAY(SELECT ROW(term, passages)::text FROM search_termcount
          WHERE tenant_id = %(tenant_id)s AND term = ANY (%(numbers)s::integer[]))
"""
_FEW = "SELECT count(*) AS few FROM (SELECT FROM {source} WHERE {is_readable} LIMIT %(most)s) readable"
_DOCUMENTS = f"""
SELECT array_agg(d.id) AS ids FROM documents_document d
WHERE {IS_READABLE_DOCUMENT} AND d.indexed_version >= d.text_from_version AND {{condition}}
"""  # noqa: S608  no value stands in it
_BEST = """
SELECT best.id, best.document_id, best.score,
    ARRAY(SELECT asked.term FROM unnest(%(numbers)s::integer[]) asked(term)
          WHERE asked.term = ANY (best.terms)) AS has
FROM ({best}) best
"""
_SCORE_ALL = """
SELECT p.id, p.document_id, p.terms, -(p.impacts <#> %(question)s::sparsevec) AS score
FROM search_chunkterms p
WHERE {is_readable} AND (p.impacts <#> %(question)s::sparsevec) < 0
    AND p.terms @> %(required)s::integer[]
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


def understand(query: str) -> Wanted | None:
    """Return what a question asks for, in the languages of the bound tenant's documents.

    None if it has no word but stop words.
    """
    return question.understand(query, languages.asked(languages.passages_by_language()))


def search(
    scope: Scope, wanted: Wanted, limit: int, *, exact: bool = False, filters: Filters = NONE
) -> Found:
    """Return the readable passages that score best by BM25.

    Args:
        scope: what the asker may read.
        wanted: see `understand`.
        limit: passages at most.
        exact: see `scope.passages`.
        filters: what the documents have to be besides.

    Returns:
        hits with their score; their evidence is the share of the question's words they have.
    """
    asked = _Asked.of(wanted)
    if not asked.known:
        return Found(ok=True)
    search_of = _Search(scope, wanted, asked, limit)
    if exact or filters:
        return search_of.among_documents(filters)
    return search_of.among_all()


def rarities(wanted: Wanted) -> dict[str, float]:
    """Return how much each of a question's terms says among the tenant's passages, by term.

    A term that no passage has is left out.
    """
    asked = _Asked.of(wanted)
    return {asked.terms[number]: weight for number, weight in asked.weights.items()}


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question's terms by their numbers.

    Attributes:
        terms: number -> term.
        known: number -> passages of the tenant that have it, the rarest first.
        weights: number -> what it counts.
    """

    terms: Mapping[int, str]
    known: Mapping[int, int]
    weights: Mapping[int, float]

    @classmethod
    def of(cls, wanted: Wanted) -> _Asked:
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
        return cls(by_number, known, weights)

    def rarest(self, most: int) -> list[int]:
        """Return the rarest terms that together are in so many passages at most; at least one."""
        reached = list(accumulate(self.known.values()))
        return [n for n, sum_ in zip(self.known, reached, strict=True) if sum_ <= most] or [
            next(iter(self.known))
        ]


@dataclass(frozen=True, slots=True)
class _Search:
    scope: Scope
    wanted: Wanted
    asked: _Asked
    limit: int

    def among_all(self) -> Found:
        if sum(self.asked.known.values()) > _FEW_PASSAGES:
            source, is_readable = scopes.passages("search_chunkterms", exact=False)
            statement = _FEW.format(source=source, is_readable=is_readable)
            ok, rows = scopes.rows(self.scope, statement, "found.few", {"most": _FEW_PASSAGES + 1})
            if not ok:
                return Found(ok=False)
            if rows[0][0] <= _FEW_PASSAGES:
                return self._run(_SCORE_ALL.format(is_readable=_BY_POLICY), {})
        return self._indexed(_BY_POLICY, None)

    def among_documents(self, filters: Filters) -> Found:
        statement = _DOCUMENTS.format(condition=filters.condition)
        ok, rows = scopes.rows(self.scope, statement, "1", filters.params)
        if not ok or not rows:
            return Found(ok)
        documents: Ids = rows[0][0]
        if len(documents) <= _FEW_DOCUMENTS:
            names = {"documents": BigintArray(documents)}
            return self._run(_SCORE_ALL.format(is_readable=_BY_DOCUMENT), names)
        return self._indexed(_BY_DOCUMENT, documents)

    def _indexed(self, is_readable: str, documents: Ids | None) -> Found:
        """Ask the index; once more, with the commoner words, where the rarer ones led to few."""
        rarest = self.asked.rarest(_MOST_NAMED)
        every = list(self.asked.known)
        found = Found(ok=False)
        for matching in (rarest, every) if len(rarest) < len(every) else (every,):
            names = {
                "matching": matching,
                "documents": None if documents is None else BigintArray(documents),
            }
            found = self._run(_SEARCH.format(is_readable=is_readable), names)
            if not found.ok or len(found.hits) >= self.limit:
                break
        return found

    def _run(self, statement: str, names: Mapping[str, Any]) -> Found:
        params = {
            "numbers": list(self.asked.known),
            "question": term_rows.sparse(self.asked.weights),
            "required": [terms.number(term) for term in self.wanted.required],
            "phrases": self.wanted.phrases or None,
            "limit": self.limit,
            **names,
        }
        order = "found.score DESC, found.id"
        ok, rows = scopes.rows(self.scope, _BEST.format(best=statement), order, params)
        return Found(ok, self._hits(rows))

    def _hits(self, rows: Sequence[tuple[int, int, float, Collection[int]]]) -> tuple[Hit, ...]:
        hits = []
        for rank, (chunk_id, document_id, score, has) in enumerate(rows, start=1):
            share = self.wanted.share(self.asked.terms[number] for number in has)
            hits.append(Hit(chunk_id, document_id, score, (Evidence("lexical", rank, share),)))
        return tuple(hits)


def _pair(row: str) -> list[str]:
    return row.strip("()").split(",")
