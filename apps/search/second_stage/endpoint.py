"""A reranking model behind an HTTP endpoint: Cohere, Jina, vLLM, or Text Embeddings Inference.

https://docs.cohere.com/reference/rerank · https://docs.vllm.ai/en/latest/serving/openai_compatible_server
https://huggingface.github.io/text-embeddings-inference
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from django.conf import settings

from apps.search.release import Passage
from apps.search.second_stage.protocol import Asked, RankerUnavailable

_TIMEOUT_S = 3.0
_CONNECT_TIMEOUT_S = 1.0
# The shortest windows of common models hold so much of question and passage.
_MOST_CHARS = 2_000


def is_configured() -> bool:
    """Return whether the settings name an endpoint."""
    return bool(settings.KENWARD_RERANK_URL)


class EndpointRanker:
    """Asks the endpoint once for all passages."""

    def scores(self, asked: Asked, passages: Sequence[Passage]) -> list[float]:
        """Return one score for each passage; see `Ranker`."""
        texts = [_told(passage) for passage in passages]
        if settings.KENWARD_RERANK_DIALECT == "tei":
            answer = _post({"query": asked.text, "texts": texts, "truncate": True})
            return _by_index(answer, "score", len(texts))
        body = {"model": settings.KENWARD_RERANK_MODEL, "query": asked.text, "documents": texts}
        answer = _post(body | {"top_n": len(texts)})
        rows = answer.get("results") if isinstance(answer, dict) else None
        return _by_index(rows, "relevance_score", len(texts))


def _told(passage: Passage) -> str:
    above = " > ".join([passage.title, *passage.heading_path])
    return f"{above}\n{passage.text}"[:_MOST_CHARS]


def _post(body: dict[str, Any]) -> Any:
    # Loading the client takes a moment, which only those who use it should pay.
    import httpx2

    key = settings.KENWARD_RERANK_API_KEY
    try:
        answer = httpx2.post(
            settings.KENWARD_RERANK_URL,
            json=body,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx2.Timeout(_TIMEOUT_S, connect=_CONNECT_TIMEOUT_S),
        )
        answer.raise_for_status()
        return answer.json()
    except (httpx2.HTTPError, ValueError) as error:
        # What an endpoint says may repeat the key or the passages: its kind is enough.
        raise _unavailable(type(error).__name__) from error


def _by_index(rows: Any, name: str, count: int) -> list[float]:
    """Return the scores in the order of the passages; there must be one for each."""
    scores: dict[int, float] = {}
    for row in rows if isinstance(rows, list) else ():
        place, score = (row.get("index"), row.get(name)) if isinstance(row, dict) else (None, None)
        if type(place) is int and isinstance(score, int | float) and math.isfinite(score):
            scores[place] = float(score)
    if set(scores) != set(range(count)):
        raise _unavailable(f"{len(scores)} scores for {count} passages")
    return [scores[place] for place in range(count)]


def _unavailable(what: str) -> RankerUnavailable:
    return RankerUnavailable(
        f"The reranking model cannot be used just now: {what}.",
        hint="Check KENWARD_RERANK_URL, KENWARD_RERANK_MODEL and KENWARD_RERANK_API_KEY.",
    )
