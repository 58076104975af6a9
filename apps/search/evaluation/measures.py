"""The figures of one ranking, defined as in trec_eval. Pure.

The tests hold them equal to pytrec_eval's (nDCG with the judged grade as gain, unlike the variant
with 2^grade - 1).
Source: Järvelin, Kekäläinen, ACM TOIS 20(4), 2002; https://github.com/usnistgov/trec_eval
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

NDCG_AT = 10
RECALL_AT = (10, 100)

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Measured:
    """One question's figures for one ranking, each from 0 to 1.

    Attributes:
        ndcg_at_10: normalised discounted cumulative gain of the first ten.
        recall_at_10: share of the relevant documents among the first ten.
        recall_at_100: likewise among the first hundred.
        reciprocal_rank: 1 / the place of the first relevant document, 0 without one.
    """

    ndcg_at_10: float
    recall_at_10: float
    recall_at_100: float
    reciprocal_rank: float


def measured(ranking: Sequence[Key], grades: Mapping[Key, int]) -> Measured:
    """Return the figures of a ranking.

    Args:
        ranking: documents, best first, each once.
        grades: judged documents; above 0 is relevant, and what is not judged is not. At least one
            has to be relevant: without one there is nothing to find, and no figure is defined.
    """
    relevant = {document: grade for document, grade in grades.items() if grade > 0}
    if not relevant:
        raise ValueError("no document is judged relevant")
    gains = [relevant.get(document, 0) for document in ranking[:NDCG_AT]]
    ideal = sorted(relevant.values(), reverse=True)[:NDCG_AT]
    first = next((n for n, document in enumerate(ranking, 1) if document in relevant), None)
    at_10, at_100 = (len(relevant.keys() & set(ranking[:at])) / len(relevant) for at in RECALL_AT)
    return Measured(
        ndcg_at_10=_discounted(gains) / _discounted(ideal),
        recall_at_10=at_10,
        recall_at_100=at_100,
        reciprocal_rank=1 / first if first else 0.0,
    )


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(place + 1) for place, gain in enumerate(gains, start=1))
