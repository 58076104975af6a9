"""BM25: what a term says of a passage, and how much a term says at all. Pure.

A passage's part (its *impact*) is computed when it is written and kept; the question's part, how
rare the term is in the tenant, when it is asked. The score is their product, summed.
Source: Robertson, Zaragoza, The Probabilistic Relevance Framework, 2009, sections 3.4 to 3.6.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

# The constants were chosen on the development questions of three collections (docs/search.md); the
# figures hardly change around them.
K1 = 1.2
B = 0.75
# In place of the average length, in words. Passages are cut to one size, so an average of the
# tenant's own would say little; and impacts that depend on it would be wrong as soon as it moves.
USUAL_LENGTH = 100


def impacts(counts: Mapping[str, int], length: int) -> dict[str, float]:
    """Return what each term says of a passage, by term.

    Args:
        counts: how often each term stands in the passage, the headings above it and its document's
            title, taken together: a word counts the same in each.
        length: of them, in words that are no stop words.
    """
    fixed = K1 * (1 - B + B * length / USUAL_LENGTH)
    return {term: count * (K1 + 1) / (count + fixed) for term, count in counts.items()}


def rarity(passages: int, having: int) -> float:
    """Return how much a term says, its inverse document frequency; more than 0.

    Args:
        passages: of the tenant, in all.
        having: those that have the term, at most as many.
    """
    return math.log(1 + (passages - having + 0.5) / (having + 0.5))
