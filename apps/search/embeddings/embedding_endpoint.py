"""Embedding models behind OpenAI-compatible endpoints."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.search.embeddings import tokens
from apps.search.embeddings.embedding import (
    EmbeddingSpec,
    EmbeddingUnavailable,
    mismatch,
    unit_vectors,
)

# Texts of one request: what text-embeddings-inference takes unless it is told otherwise.
BATCH_TEXTS = 32
# What is read of one text; every common embedding model can read so much.
MAX_TOKENS = 512

_TIMEOUT_S, _RETRIES = 20, 2


class EndpointEmbedder:
    """A model behind an OpenAI-compatible endpoint; its dimension is learnt from a first call.

    Its tokenizer is unknown here, so tokens are estimated (`tokens.estimated_offsets`) and a text
    is cut at 512 of them, which every common embedding model can read.

    Args:
        base_url: up to and including the version, for example `http://localhost:8080/v1`.
        api_key: may be empty where the endpoint wants none.
        model: the name that the endpoint knows it by.
    """

    def __init__(self, base_url: str, api_key: str, model: str) -> None:
        # Importing the client takes about a second, which only those who use it should pay.
        from openai import OpenAI

        self._model = model
        self._client = OpenAI(
            base_url=base_url,
            api_key=api_key or "none",  # the client refuses an empty one
            timeout=_TIMEOUT_S,
            max_retries=_RETRIES,
        )
        probe = unit_vectors(self._answer(["dimension"]), 1, None)
        self.spec = EmbeddingSpec(
            name=model,
            # Two endpoints may serve different weights under one name.
            revision=hashlib.sha256(base_url.rstrip("/").encode()).hexdigest()[:12],
            dimension=probe.shape[1],
            max_tokens=MAX_TOKENS,
            chunk_tokens=MAX_TOKENS,
        )

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector per text; see `Embedder.embed`."""
        readable = [self._readable(text) for text in texts]
        vectors = np.empty((len(texts), self.spec.dimension), dtype=np.float32)
        for start in range(0, len(texts), BATCH_TEXTS):
            batch = readable[start : start + BATCH_TEXTS]
            vectors[start : start + len(batch)] = unit_vectors(
                self._answer(batch), len(batch), self.spec.dimension
            )
        return vectors

    def count_tokens(self, text: str) -> int:
        """Return the estimated tokens of the whole text; see `Embedder.count_tokens`."""
        return len(tokens.estimated_offsets(text))

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        """Return the span of each estimated token; see `Embedder.token_offsets`."""
        return tokens.estimated_offsets(text)

    def _readable(self, text: str) -> str:
        offsets = tokens.estimated_offsets(text)
        if len(offsets) > MAX_TOKENS:
            text = text[: offsets[MAX_TOKENS - 1][1]]
        # Endpoints refuse an empty input, and with it the whole batch.
        return tokens.encodable(text) or " "

    def _answer(self, texts: list[str]) -> list[Any]:
        """Return the endpoint's vectors in the order of the texts, their content unchecked."""
        from openai import APIStatusError, OpenAIError  # see __init__

        try:
            response = self._client.embeddings.create(
                model=self._model, input=texts, encoding_format="float"
            )
        except APIStatusError as error:
            raise _unavailable(f"it answered {error.status_code}", error) from error
        except OpenAIError as error:
            raise _unavailable("it could not be reached", error) from error
        except ValueError as error:  # not JSON, or JSON without a single vector
            raise mismatch(f"the answer cannot be read: {error!r}") from error
        return _in_order(getattr(response, "data", None), len(texts))


def _in_order(rows: Any, count: int) -> list[Any]:
    """Return the rows' vectors by their `index`, which must be 0 to count - 1, once each."""
    if not isinstance(rows, list):
        raise mismatch("the answer has no list of vectors")
    by_index = {getattr(row, "index", None): getattr(row, "embedding", None) for row in rows}
    if len(rows) != count or set(by_index) != set(range(count)):
        raise mismatch(f"{len(rows)} vectors for {count} texts, {len(by_index)} distinct indexes")
    return [by_index[place] for place in range(count)]


def _unavailable(what: str, error: Exception) -> EmbeddingUnavailable:
    return EmbeddingUnavailable(
        f"The embedding endpoint cannot be used just now: {what}.",
        hint="Check EMBEDDING_BASE_URL, EMBEDDING_API_KEY and EMBEDDING_MODEL.",
        detail=repr(error),
    )
