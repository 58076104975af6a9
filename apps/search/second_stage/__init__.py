"""Orders the first passages once more, by more than the first search can look at.

READING PAGE: `order` here, the protocol in `protocol`, one module for each way.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from apps.search.release import Passage
from apps.search.second_stage import endpoint, local
from apps.search.second_stage.protocol import Asked, Ranker, RankerUnavailable
from apps.search.stages import SecondStage

logger = logging.getLogger(__name__)

# Passages that are looked at once more; the others follow in the order they had.
DEPTH = 50


def order(asked: Asked, passages: Sequence[Passage], which: str) -> list[Passage]:
    """Return the passages, the first DEPTH of them in their new order with their new scores.

    A reranking model that does not answer costs its gain and not the search: the local order
    stands in for it.

    Args:
        asked: the question.
        passages: best first.
        which: of `stages.SecondStage`; NONE changes nothing.
    """
    if which == SecondStage.NONE or len(passages) < 2:
        return list(passages)
    first, rest = passages[:DEPTH], passages[DEPTH:]
    ranker: Ranker = local.LocalRanker()
    scores = None
    if which == SecondStage.ENDPOINT and endpoint.is_configured():
        try:
            scores = endpoint.EndpointRanker().scores(asked, first)
        except RankerUnavailable as error:
            logger.warning("the reranking model does not answer: %s", error)
    if scores is None:
        scores = ranker.scores(asked, first)
    ranked = sorted(zip(scores, first, strict=True), key=lambda pair: -pair[0])
    return [*(replace(passage, score=score) for score, passage in ranked), *rest]
