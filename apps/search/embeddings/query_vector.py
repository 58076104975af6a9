"""The vector of a question, remembered for as long as the process lives."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from apps.search.embeddings import embedding
from apps.search.embeddings.embedding import EmbeddingSpec

_REMEMBERED = 2_000  # vectors; 3 MB with MiniLM


def vector_of(query: str) -> tuple[EmbeddingSpec, NDArray[np.float32]]:
    """Return the model that was asked and the question's unit vector, shape (dimension,).

    Raises:
        EmbeddingUnavailable: the model does not answer; failures are not remembered.
        EmbeddingMismatch: it does not answer with one usable vector.
    """
    spec = embedding.embedder().spec
    return spec, _vector(spec, query)


@lru_cache(maxsize=_REMEMBERED)
def _vector(spec: EmbeddingSpec, query: str) -> NDArray[np.float32]:
    vector: NDArray[np.float32] = embedding.embedder().embed([query])[0]
    # It is handed to everyone who asks the same.
    vector.setflags(write=False)
    return vector
