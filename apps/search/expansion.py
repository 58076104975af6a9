"""What a question is searched by: its own words and meaning, and what a language model added.

The model is asked by `chat`, which knows one; here stands only what becomes of its answers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apps.search.embeddings import query_vector
from apps.search.embeddings.embedding import EmbeddingSpec

_MOST_QUERIES = 4


@dataclass(frozen=True, slots=True)
class Expanded:
    """What a language model added to a question; none of it is shown to anybody.

    Attributes:
        queries: the question in other words; each is searched for as well.
        passage: one that could answer it, made up; only its meaning counts.
    """

    queries: tuple[str, ...] = ()
    passage: str = ""


NOTHING = Expanded()


def wordings(query: str, expanded: Expanded) -> list[str]:
    """Return what is searched for by words: the question itself first."""
    return [query, *expanded.queries[:_MOST_QUERIES]]


def vectors(query: str, expanded: Expanded) -> tuple[EmbeddingSpec, list[NDArray[np.float32]]]:
    """Return the model, and the unit vector of each wording, shape (dimension,), in their order.

    With a made-up passage, the question's vector is the mean of both.
    Source: Gao, Ma, Lin, Callan, ACL 2023 (hypothetical document embeddings).

    Args:
        query: the question, cleaned.
        expanded: what was added.

    Raises:
        EmbeddingUnavailable: the model does not answer.
    """
    spec, vector = query_vector.vector_of(query)
    if expanded.passage:
        mean = vector + query_vector.vector_of(expanded.passage)[1]
        length = float(np.linalg.norm(mean))
        vector = mean / length if length > 0 else vector
    others = wordings(query, expanded)[1:]
    return spec, [vector, *(query_vector.vector_of(other)[1] for other in others)]
