"""Measures the lexical search in a worded tenant, by how much its reader may read."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from apps.acls import class_rules
from apps.acls.binary import BigintArray
from apps.acls.readable import Scope, bit_string
from apps.search.hits import Hit
from apps.search.words import lexical, term_rows, terms
from apps.search.words import question as questions
from apps.search.words.question import Wanted
from apps.tenants.context import reader_context, tenant_context
from benchmarks import worded_tenant
from benchmarks.report import Figure
from benchmarks.worded_tenant import WordedTenant

_HITS = 60
_SEED = 7
# Share of the passages -> the median, in milliseconds, that is aimed at.
_REACHES = {0.0003: 5.0, 0.003: 5.0, 0.01: 5.0, 0.03: 15.0, 0.1: 15.0, 0.5: 15.0, 1.0: 15.0}
# Nobody asks for the very commonest words alone; a language's own are stop words.
_COMMONEST = 60
# Scoring all passages takes long.
_COMPARED = 20
_SCORE_ALL = """
SELECT id, -(impacts <#> %(question)s::sparsevec) AS score FROM search_chunkterms
WHERE policy_id = ANY (%(ids)s::bigint[]) ORDER BY score DESC, id LIMIT 10
"""


@dataclass(frozen=True)
class _Reader:
    """Who may read some policies."""

    scope: Scope
    bits: str
    passages: int


def all_of(tenant: WordedTenant, *, questions: int) -> list[Figure]:
    """Return median and 95th percentile for each share, and how much equals scoring everything."""
    asked = _questions(questions)
    figures = []
    for reach, bound in _REACHES.items():
        figures += _at(tenant, reach, bound, asked)
    return figures


def _at(tenant: WordedTenant, reach: float, bound: float, asked: list[Wanted]) -> list[Figure]:
    reader = _reader(tenant.readable(reach, np.random.default_rng(_SEED)), tenant)
    with tenant_context(tenant.tenant), reader_context(reader.bits):
        _ask(reader, asked[:5])
        found, spent = _ask(reader, asked)
        agreed = _agreement(reader, asked[:_COMPARED], found)
    median, p95 = np.percentile(spent, [50, 95])
    name = f"{reach:.2%} of the passages"
    settings = {
        "passages": len(tenant.policies),
        "readable": reader.passages,
        "policies": reader.scope.size,
        "questions": len(asked),
    }
    return [
        Figure(f"{name}, median", round(float(median), 2), "ms", bound, settings=settings),
        Figure(f"{name}, p95", round(float(p95), 2), "ms", settings=settings),
        Figure(f"{name}, same first ten as scoring all", agreed, "of 1", settings=settings),
    ]


def _ask(reader: _Reader, asked: list[Wanted]) -> tuple[list[tuple[Hit, ...]], NDArray[np.float64]]:
    """Return what each question found, and the milliseconds it took."""
    found, spent = [], []
    for wanted in asked:
        with transaction.atomic():
            started = time.perf_counter()
            hits = lexical.search(reader.scope, lexical.weigh(wanted), _HITS).hits
            spent.append((time.perf_counter() - started) * 1000)
        found.append(hits)
    return found, np.array(spent)


def _agreement(reader: _Reader, asked: list[Wanted], found: list[tuple[Hit, ...]]) -> float:
    """Return which share of the first ten is the same when all readable passages are scored."""
    shares = []
    for wanted, hits in zip(asked, found, strict=False):
        with transaction.atomic(), connection.cursor() as cursor:
            question = term_rows.sparse(dict(sorted(lexical.weigh(wanted).weights.items())))
            names = {"ids": reader.scope.params["scope_ids"], "question": question}
            cursor.execute(_SCORE_ALL, names)
            best = {chunk_id for chunk_id, score in cursor.fetchall() if score > 0}
        if best:
            shares.append(len(best & {hit.chunk_id for hit in hits[:10]}) / len(best))
    return round(float(np.mean(shares)), 3) if shares else 1.0


def _reader(policies: NDArray[np.int64], tenant: WordedTenant) -> _Reader:
    scope = Scope(
        "SELECT true AS ok, %(scope_ids)s::bigint[] AS ids",
        {"scope_ids": BigintArray(policies)} | class_rules.params(),
        len(policies),
    )
    readable = int(np.isin(tenant.policies, policies).sum())
    return _Reader(scope, bit_string(policies), readable)


def _questions(count: int) -> list[Wanted]:
    """Return questions of four to six words, drawn as often as they stand in the passages."""
    random = np.random.default_rng(_SEED)
    frequencies = worded_tenant.frequencies()
    frequencies[:_COMMONEST] = 0
    frequencies /= frequencies.sum()
    found = []
    for _ in range(count):
        ranks = random.choice(len(frequencies), size=random.integers(4, 7), p=frequencies)
        asked = " ".join(worded_tenant.word(rank) for rank in ranks)
        wanted = questions.understand(asked, [terms.UNSTEMMED])
        assert wanted is not None
        found.append(wanted)
    return found
