"""The corpus of the filtered search with words: what the whole retrieval is measured over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from django.db import connections, transaction
from numpy.typing import NDArray

from apps.search.words import bm25, terms
from apps.tenants.context import tenant_context
from benchmarks import retrieval_asking
from benchmarks.filtered_data import Corpus
from benchmarks.filtered_kenward import Kenward
from benchmarks.retrieval_asking import Heard

LANGUAGE = "english"
_CHUNKS = """
INSERT INTO search_chunk SELECT (jsonb_populate_record(t, jsonb_build_object(
    'id', s.id, 'document_id', s.document_id, 'policy_id', s.policy_id,
    'policy_ordinal', s.policy_id, 'ordinal', s.id, 'text', w.text))).*
FROM search_chunk t, staged s JOIN worded w USING (id) WHERE t.id = -1
"""
_TERMS = (
    "COPY search_chunkterms (tenant_id, id, document_id, policy_id, policy_ordinal, language,"
    " terms, impacts) FROM STDIN"
)
_INDEX = """
SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
WHERE i.indrelid = 'search_chunkterms'::regclass AND a.amname = 'gin'
"""
_AT_ONCE = 10_000


class WordedKenward(Kenward):
    """Passages whose words are the first half of one real passage and the second of another.

    Args:
        texts: the real passages, in the order of their vectors.
    """

    chunks = _CHUNKS

    def __init__(self, texts: Sequence[str]) -> None:
        super().__init__()
        halves = [_halves(text) for text in texts]
        self._first, self._second = zip(*halves, strict=True)
        self._words = [[_counted(half) for half in side] for side in (self._first, self._second)]

    def ask(self, reach: str, question: str) -> Heard:
        """Ask as the reader of such a reach."""
        return retrieval_asking.ask(self._tenant, reach, question)

    def build(self, corpus: Corpus) -> None:
        """Load the rows, unless they are there."""
        super().build(corpus)
        retrieval_asking.attend(self._tenant)

    def _load(self, corpus: Corpus) -> None:
        with connections["owner"].cursor() as cursor:
            cursor.execute(_INDEX)
            [(name, definition)] = cursor.fetchall()
            cursor.execute(f"DROP INDEX {name}")
        super()._load(corpus)
        with connections["owner"].cursor() as cursor:
            # As it is told, it would be an index of no partition.
            cursor.execute(definition.replace(" ON ONLY ", " ON "))
            cursor.execute("VACUUM (ANALYZE)")

    def _stage(self, cursor: Any, corpus: Corpus, part: slice) -> None:
        super()._stage(cursor, corpus, part)
        cursor.execute("CREATE TEMP TABLE worded (id bigint, text text) ON COMMIT DROP")
        with cursor.copy("COPY worded FROM STDIN") as copy:
            for number, first, second in _parents(corpus, part):
                copy.write_row((number + 1, f"{self._first[first]} {self._second[second]}"))

    def _passages(self, corpus: Corpus, part: slice) -> None:
        super()._passages(corpus, part)
        stop = min(part.stop, len(corpus.vectors))
        for begin in range(part.start, stop, _AT_ONCE):
            self._terms(corpus, slice(begin, min(begin + _AT_ONCE, stop)))

    def _terms(self, corpus: Corpus, part: slice) -> None:
        documents, policies = corpus.documents[part].tolist(), corpus.policies[part].tolist()
        # As the owner: nothing is copied into a table whose row-level security holds for the role.
        with (
            tenant_context(self._tenant),
            transaction.atomic("owner"),
            connections["owner"].cursor() as cursor,
            cursor.copy(_TERMS) as copy,
        ):
            rows = zip(_parents(corpus, part), documents, policies, strict=True)
            for (number, first, second), document, policy in rows:
                numbers, impacts = _joined(self._words[0][first], self._words[1][second])
                copy.write_row(
                    (
                        *(self._tenant.pk, number + 1, document + 1, policy + 1, policy + 1),
                        *(LANGUAGE, _array(numbers), _sparse(numbers, impacts)),
                    )
                )


_Counted = tuple[NDArray[np.int64], NDArray[np.int64]]


def _parents(corpus: Corpus, part: slice) -> list[tuple[int, int, int]]:
    if corpus.parents is None:
        raise ValueError("Words need real passages.")
    first, second = corpus.parents[:, part].tolist()
    numbers = range(part.start, part.start + len(first))
    return list(zip(numbers, first, second, strict=True))


def _halves(text: str) -> tuple[str, str]:
    words = text.split()
    middle = len(words) // 2
    return " ".join(words[:middle]), " ".join(words[middle:])


def _counted(text: str) -> _Counted:
    """Return the numbers of a text's terms, ascending, and how often each stands there."""
    counts: Counter[int] = Counter()
    for word in terms.words(text):
        counts.update(terms.number(term) for term in terms.forms(word.text, LANGUAGE))
    ordered = sorted(counts.items())
    return np.array([n for n, _ in ordered], np.int64), np.array([c for _, c in ordered], np.int64)


def _joined(one: _Counted, other: _Counted) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the numbers of the terms of both, and their impacts as `bm25` has them."""
    numbers, inverse = np.unique(np.concatenate([one[0], other[0]]), return_inverse=True)
    counts = np.zeros(len(numbers))
    np.add.at(counts, inverse, np.concatenate([one[1], other[1]]))
    fixed = bm25.K1 * (1 - bm25.B + bm25.B * counts.sum() / bm25.USUAL_LENGTH)
    return numbers, counts * (bm25.K1 + 1) / (counts + fixed)


def _array(numbers: NDArray[np.int64]) -> str:
    return f"{{{','.join(map(str, numbers.tolist()))}}}"


def _sparse(numbers: NDArray[np.int64], impacts: NDArray[np.float64]) -> str:
    pairs = zip(numbers.tolist(), impacts.round(4).tolist(), strict=True)
    return f"{{{','.join(f'{number}:{impact}' for number, impact in pairs)}}}/{terms.DIMENSIONS}"
