"""How texts reach the embedding model when documents are indexed: a few small batches at a time.

A question goes another way (`query_vector`): to the model in the asking process itself, or with a
request of its own to the endpoint. So it never waits behind documents.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from apps.search.embeddings import embedding, embedding_endpoint, minilm, processors
from apps.search.embeddings.embedding import Embedder
from apps.search.embeddings.embedding_endpoint import EndpointEmbedder
from apps.search.embeddings.embedding_process import EmbeddingProcess

_REQUESTS_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Lanes:
    """A way to the embedding model.

    Attributes:
        embed: returns one unit vector per text, shape (n, dimension), from any thread; raises as
            `Embedder.embed` does.
        parallel: calls worth having under way at the same time.
        batch_texts: most texts of one call.
        batch_tokens: most tokens of one call of several texts, each counted as the longest.
    """

    embed: Callable[[Sequence[str]], NDArray[np.float32]]
    parallel: int
    batch_texts: int
    batch_tokens: int


def lanes(model: Embedder) -> Lanes:
    """Return the way to a model that `embedding.embedder` gave."""
    if isinstance(model, EndpointEmbedder):
        most = embedding_endpoint.BATCH_TEXTS
        return Lanes(model.embed, _REQUESTS_AT_ONCE, most, most * embedding_endpoint.MAX_TOKENS)
    parallel = settings.KENWARD_EMBEDDING_THREADS or processors.available()
    process = _local.process(settings.KENWARD_DATA_DIR / "models", model.spec.revision, parallel)

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        return embedding.unit_vectors(process.embed(texts), len(texts), model.spec.dimension)

    return Lanes(embed, parallel, minilm.BATCH_TEXTS, minilm.BATCH_TOKENS)


class _Local:
    """This process's embedding process; it starts with the first text."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._process: EmbeddingProcess | None = None
        self._wanted: tuple[Path, str, int] | None = None

    def process(self, folder: Path, revision: str, parallel: int) -> EmbeddingProcess:
        wanted = (folder, revision, parallel)
        with self.lock:
            if self._process is None or self._wanted != wanted:
                if self._process is not None:
                    self._process.close()
                self._process = EmbeddingProcess(folder, revision=revision, lanes=parallel)
                self._wanted = wanted
            return self._process

    def close(self) -> None:
        if self._process is not None:
            self._process.close()

    def forget(self) -> None:
        self.lock = threading.Lock()
        if self._process is not None:
            self._process.forget()


_local = _Local()
atexit.register(_local.close)
os.register_at_fork(after_in_child=_local.forget)
