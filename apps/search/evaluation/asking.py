"""Asks a question as a member does, and takes down what each stage of the search found."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction

from apps.accounts.models import User
from apps.acls import circumstances, resolve
from apps.acls.circumstances import Circumstances
from apps.documents import live
from apps.documents.scope import Scope
from apps.search import retrieve
from apps.search.release import Passage
from apps.search.retrieve import How, Retrieved

LIMIT = 100  # passages: what `release` hands out at most
FINAL = "final"
# The two searches do not need each other. Every later stage needs what ran before it; fusing takes
# too little to be timed by itself.
_STEPS = {"lexical": ("understand", "lexical"), "vector": ("embed", "vector")}
_BEFORE_FUSION = ("embed", "understand", "lexical", "vector")


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of one question.

    Attributes:
        rankings: stage -> ids of documents, by the best of their passages; `FINAL` is the last.
        ms: stage -> milliseconds of a search that ends with it; of the last, with everything: the
            readable set, its guard, the release.
        passages: what the member is shown, best first.
    """

    rankings: Mapping[str, Sequence[int]]
    ms: Mapping[str, float]
    passages: Sequence[Passage]


def ask(user: User, text: str, *, how: How = retrieve.USUALLY) -> Heard:
    """Ask one question; the tenant is bound, and no transaction is open.

    The member has no second factor here and no address, like everywhere without a session.

    Args:
        user: who asks.
        text: the question.
        how: see `retrieve.How`.

    Raises:
        NoMembership: the person does not belong to the tenant.
        EmbeddingUnavailable: the question has no vector just now.
    """

    def run(scope: Scope) -> tuple[bool, Retrieved]:
        found = retrieve.retrieve(text, scope, LIMIT, how=how)
        return found.ok, found

    with circumstances.bound(Circumstances()), transaction.atomic():
        started = time.perf_counter()
        found = resolve.reading(user, run)
        allowed = live.permitted(user, ((one.document_id, one.asks) for one in found.passages))
        spent = (time.perf_counter() - started) * 1000
    shown = [one for one in found.passages if one.document_id in allowed]
    rankings = {
        stage: _documents(hit.document_id for hit in hits) for stage, hits in found.rankings.items()
    }
    ms = {stage: _spent(stage, found.timings_ms) for stage in rankings}
    return Heard(
        {**rankings, FINAL: _documents(one.document_id for one in shown)},
        {**ms, FINAL: spent},
        shown,
    )


def _documents(ids: Iterable[int]) -> list[int]:
    """Return each document once, in the place of its best passage."""
    return list(dict.fromkeys(ids))


def _spent(stage: str, timings: Mapping[str, float]) -> float:
    """Return what a search that ended with a stage would have taken, in milliseconds."""
    needed: Sequence[str] = _STEPS.get(stage, _BEFORE_FUSION)
    if stage in timings and stage not in _STEPS:
        steps = list(timings)
        needed = steps[: steps.index(stage) + 1]
    return sum(timings.get(step, 0.0) for step in needed)
