"""The one seam through which the product turns text into vectors.

On this machine (MiniLM) unless EMBEDDING_BASE_URL names an OpenAI-compatible endpoint.

Unavailable
└── EmbeddingUnavailable    no vectors just now: try again later
KenwardError
└── EmbeddingMismatch       vectors came that cannot belong to these texts: none is used
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from apps.errors import KenwardError, Unavailable

if TYPE_CHECKING:
    from apps.search.embeddings.minilm import MiniLM


class EmbeddingUnavailable(Unavailable):
    """No vectors can be had just now; the same call may work later."""

    code = "embedding_unavailable"


class EmbeddingMismatch(KenwardError):
    """What came back is not one usable vector per text, so nothing of it may be stored."""

    code = "embeddingmismatch"
    http_status = 502


@dataclass(frozen=True)
class EmbeddingSpec:
    """A vector space: vectors compare only where name, revision and dimension are all equal.

    Attributes:
        name: the model's name.
        revision: changes when the same text would get another vector.
        dimension: length of a vector.
        max_tokens: what the model reads of one text, its own markers included.
        chunk_tokens: how long a chunk should be, counted as `Embedder.count_tokens` does.
    """

    name: str
    revision: str
    dimension: int
    max_tokens: int
    chunk_tokens: int


class Embedder(Protocol):
    """An embedding model that is ready for use from any thread."""

    @property
    def spec(self) -> EmbeddingSpec:
        """The space of this model's vectors, and how much text fits into one."""
        ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector per text, shape (n, dimension), in the order of the texts.

        What of a text goes beyond max_tokens is not read. No texts give shape (0, dimension).

        Raises:
            EmbeddingUnavailable: the model cannot be reached.
            EmbeddingMismatch: it did not answer with exactly one usable vector per text.
        """
        ...

    def count_tokens(self, text: str) -> int:
        """Return the tokens of the whole text, without the model's own markers."""
        ...

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        """Return the [start, end) character span of each of those tokens, in order."""
        ...


def embedder() -> Embedder:
    """Return the embedding model that the settings name, loaded on first use in this process.

    A failure is not remembered: the next call tries again.

    Raises:
        EmbeddingUnavailable: the model cannot be loaded or reached.
        EmbeddingMismatch: the endpoint does not answer with vectors.
    """
    wanted = (
        settings.EMBEDDING_BASE_URL,
        settings.EMBEDDING_API_KEY,
        settings.EMBEDDING_MODEL,
        settings.KENWARD_DATA_DIR,
        settings.KENWARD_EMBEDDING_THREADS,
    )
    with _loaded.lock:
        if _loaded.embedder is None or _loaded.wanted != wanted:
            base_url, api_key, model, data_dir, threads = wanted
            _loaded.embedder = (
                _endpoint(base_url, api_key, model)
                if base_url
                else LocalEmbedder(data_dir / "models", threads)
            )
            _loaded.wanted = wanted
        return _loaded.embedder


def _endpoint(base_url: str, api_key: str, model: str) -> Embedder:
    # It imports this module.
    from apps.search.embeddings.embedding_endpoint import EndpointEmbedder

    return EndpointEmbedder(base_url, api_key, model)


class LocalEmbedder:
    """MiniLM on this machine's processor."""

    def __init__(self, cache_folder: Path, threads: int) -> None:
        # ONNX Runtime is not loaded by a process that only talks to an endpoint.
        from apps.search.embeddings import minilm

        try:
            self._model: MiniLM = minilm.MiniLM(cache_folder, threads=threads)
        except (PackageNotFoundError, OSError, ValueError) as error:
            raise EmbeddingUnavailable(
                "The local embedding model cannot be loaded.",
                hint="Is the data folder writable, with 200 MB free? Are all packages installed?",
                detail=repr(error),
            ) from error
        self.spec = EmbeddingSpec(
            name=minilm.NAME,
            revision=self._model.revision[:12],
            dimension=minilm.DIMENSION,
            max_tokens=minilm.MAX_TOKENS,
            chunk_tokens=250,
        )

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector per text; see `Embedder.embed`."""
        return unit_vectors(self._model.embed(texts), len(texts), self.spec.dimension)

    def count_tokens(self, text: str) -> int:
        """Return the tokens of the whole text; see `Embedder.count_tokens`."""
        return self._model.tokens.count(text)

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        """Return the span of each token; see `Embedder.token_offsets`."""
        return self._model.tokens.offsets(text)


def unit_vectors(rows: Any, count: int, dimension: int | None) -> NDArray[np.float32]:
    """Return the rows as unit vectors of shape (count, dimension), or of any dimension if None.

    Raises:
        EmbeddingMismatch: they are not exactly so many usable vectors.
    """
    try:
        vectors = np.asarray(rows, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise mismatch(f"not a table of numbers: {error}") from error
    if vectors.ndim != 2 or vectors.shape != (count, dimension or vectors.shape[1]):
        raise mismatch(f"shape {vectors.shape} instead of {(count, dimension)}")
    lengths: NDArray[np.float64] = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or (lengths < 1e-12).any():
        raise mismatch("a vector is not finite or has no direction")
    return np.asarray(vectors / lengths, dtype=np.float32)


def mismatch(detail: str) -> EmbeddingMismatch:
    """Return the error for an answer that is not one usable vector per text."""
    return EmbeddingMismatch(
        "The embedding model did not return one usable vector per text.",
        hint="Check that EMBEDDING_MODEL names an embedding model of the endpoint.",
        detail=detail,
    )


class _Loaded:
    """The process's embedder, and the settings that it was made from."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.embedder: Embedder | None = None
        self.wanted: tuple[Any, ...] = ()


_loaded = _Loaded()


def _forget_in_forked_child() -> None:
    """Let a forked worker load its own model, under a lock that nobody holds.

    A model's threads do not live on in the child: a call there would never return, and neither
    would freeing it, not even at exit, so the parent's is given a reference that nobody drops.
    """
    global _loaded  # noqa: PLW0603
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(_loaded))
    _loaded = _Loaded()


os.register_at_fork(after_in_child=_forget_in_forked_child)
