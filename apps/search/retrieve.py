"""The way of a question to its passages, from top to bottom. The stages do not know each other."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from apps.acls import class_rules
from apps.documents.scope import Scope
from apps.errors import InvalidInput
from apps.search import (
    diversify,
    embedding_models,
    fusion,
    lexical,
    query_vector,
    release,
    relevance,
    vector_store,
)
from apps.search.hits import Found, Hit
from apps.search.lexical import Wanted
from apps.search.release import Passage
from apps.search.tokens import encodable

MAX_QUERY_CHARS = 2_000
CANDIDATES = 60
_PER_DOCUMENT = 5


class QueryTooLong(InvalidInput):
    """The question has more characters than are read."""

    code = "query_too_long"


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The answer of one retrieval.

    Attributes:
        ok: the guard held throughout. If not, the passages are empty and mean nothing: make the
            readable set anew and ask again (`acls.resolve.reading` does).
        passages: best first.
        timings_ms: milliseconds by stage, in their order.
        rankings: what each stage before the release had found, best first, in the stages' order;
            for measurement (`search.evaluation`). Never for a person: nothing of it is released.
    """

    ok: bool
    passages: tuple[Passage, ...] = ()
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    rankings: Mapping[str, Sequence[Hit]] = field(default_factory=dict)


def retrieve(query: str, scope: Scope, limit: int, *, candidates: int = CANDIDATES) -> Retrieved:
    """Return the passages that answer the query best, within what the asker may read.

    Args:
        query: question in natural language; words in quotation marks have to be there literally.
        scope: the readable set with its guard, as `acls.resolve.reading` hands it out. It takes
            the place of a bare list of policy ids, because each statement has to prove that the
            list still holds.
        limit: passages wanted, 1 to 100.
        candidates: passages that the lexical and the vector search each find at most.

    Returns:
        at most `limit` passages; none when nothing readable is about the question.

    Raises:
        QueryTooLong: more than MAX_QUERY_CHARS characters.
        EmbeddingUnavailable: the question has no vector just now. Say so; never "nothing found".
    """
    query = clean(query)
    timings = _Timings()
    with timings.of("embed"):
        spec, vector = query_vector.vector_of(query)
        embedding_models.require(spec)
    with timings.of("understand"):
        wanted = lexical.understand(query)
    released = release.Released(ok=True)
    rankings: dict[str, Sequence[Hit]] = {}
    # Passages copy their document's policy for speed, and the copies can be behind for a moment.
    # Where the last step had to drop one, another could be missing: ask again, the documents' own.
    # Where rules bar a class, nothing of it is even ranked: only the documents know their classes.
    for exact in (False, True) if class_rules.are_all_allowed() else (True,):
        found = _find(scope, wanted, vector, candidates, exact=exact, timings=timings)
        if not all(each.ok for each in found.values()):
            return Retrieved(ok=False, timings_ms=timings.ms)
        rankings = {stage: each.hits for stage, each in found.items()}
        rankings["fused"] = fused = fusion.fuse(*rankings.values())
        chosen = diversify.diversify(relevance.relevant(fused), per_document=_PER_DOCUMENT)
        with timings.of("release"):
            released = release.release(scope, chosen, limit)
        if not released.ok or released.is_complete:
            break
    return Retrieved(released.ok, released.passages, timings.ms, rankings)


def clean(query: str) -> str:
    """Return the query as it is searched: NFC, white space as single spaces, what PostgreSQL takes.

    Raises:
        QueryTooLong: more than MAX_QUERY_CHARS characters.
    """
    if len(query) > MAX_QUERY_CHARS:
        raise QueryTooLong(
            f"The question is longer than {MAX_QUERY_CHARS:,} characters.",
            hint="Shorten it to the sentence that matters.",
        )
    text = unicodedata.normalize("NFC", encodable(query).replace("\0", " "))
    return " ".join(text.split())


def _find(
    scope: Scope,
    wanted: Wanted | None,
    vector: NDArray[np.float32],
    candidates: int,
    *,
    exact: bool,
    timings: _Timings,
) -> dict[str, Found]:
    found = {}
    with timings.of("lexical"):
        if wanted is not None:
            found["lexical"] = lexical.search(scope, wanted, candidates, exact=exact)
    with timings.of("vector"):
        found["vector"] = vector_store.nearest(scope, vector, candidates, exact=exact)
    return found


class _Timings:
    """Milliseconds by stage; a stage that runs twice counts twice."""

    def __init__(self) -> None:
        self.ms: dict[str, float] = {}

    @contextmanager
    def of(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            spent = (time.perf_counter() - started) * 1000
            self.ms[stage] = round(self.ms.get(stage, 0.0) + spent, 3)
