"""READING PAGE: the way of a question to its passages, from top to bottom.

The stages do not know each other; which of them a tenant uses is said in `stages`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from apps.acls import class_rules
from apps.documents.scope import Scope
from apps.errors import InvalidInput
from apps.search import expansion, fusion, release, relevance, second_stage, stages
from apps.search.embeddings import embedding_models
from apps.search.embeddings.embedding import EmbeddingSpec
from apps.search.embeddings.tokens import encodable
from apps.search.expansion import Expanded
from apps.search.filters import NONE, Filters
from apps.search.hits import Found, Hit
from apps.search.release import Passage, Released
from apps.search.second_stage.protocol import Asked, Word
from apps.search.stages import SecondStage, Stages
from apps.search.thinning import diversify, duplicates, newer, stitch
from apps.search.timings import Timings
from apps.search.vectors import vector_store
from apps.search.words import lexical
from apps.search.words.lexical import Weighed

MAX_QUERY_CHARS = 2_000
CANDIDATES = 60
_PER_DOCUMENT = 5

Vector = NDArray[np.float32]


class QueryTooLong(InvalidInput):
    """The question has more characters than are read."""

    code = "query_too_long"


class OfDocument(Protocol):
    """A hit or a passage, of which a ranking says only whose it is."""

    @property
    def document_id(self) -> int:
        """The id of its document."""
        ...


@dataclass(frozen=True, slots=True)
class How:
    """What a caller may say about a search beside the question.

    Attributes:
        candidates: passages that the lexical and the vector search each find at most.
        token_budget: of the passages and what stands beside them, together; None: each passage is
            handed out by itself, as a list of results shows them.
        expanded: what a language model added to the question.
        department: of the asker, where it is known.
        stages: None: those of the bound tenant.
    """

    candidates: int = CANDIDATES
    token_budget: int | None = None
    expanded: Expanded = expansion.NOTHING
    department: str = ""
    stages: Stages | None = None


USUALLY = How()


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The answer of one retrieval.

    Attributes:
        ok: the guard held throughout. If not, the passages are empty and mean nothing: make the
            readable set anew and ask again (`acls.resolve.reading` does).
        passages: best first.
        timings_ms: milliseconds by stage, in their order.
        rankings: what each stage before the last had found, best first, in the stages' order;
            for measurement (`search.evaluation`). Never for a person.
    """

    ok: bool
    passages: tuple[Passage, ...] = ()
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    rankings: Mapping[str, Sequence[OfDocument]] = field(default_factory=dict)


def retrieve(
    query: str, scope: Scope, limit: int, *, filters: Filters = NONE, how: How = USUALLY
) -> Retrieved:
    """Return the passages that answer the query best, within what the asker may read.

    Args:
        query: question in natural language; words in quotation marks have to be there literally.
        scope: the readable set with its guard, as `acls.resolve.reading` hands it out. It takes
            the place of a bare list of policy ids, because each statement has to prove that the
            list still holds.
        limit: passages wanted, 1 to 100.
        filters: what else their documents must be.
        how: see `How`.

    Returns:
        at most `limit` passages; none when nothing readable is about the question.

    Raises:
        QueryTooLong: more than MAX_QUERY_CHARS characters.
        EmbeddingUnavailable: the question has no vector just now. Say so; never "nothing found".
    """
    query = clean(query)
    timings = Timings()
    # The model thinks beside the database.
    with ThreadPoolExecutor(1, "question") as aside:
        vectors = aside.submit(expansion.vectors, query, how.expanded)
        with timings.of("understand"):
            used = how.stages or stages.of_tenant()
            wordings = [_weighed(one) for one in expansion.wordings(query, how.expanded)]
        asked = _Question(query, wordings, vectors)
        search = _Search(asked, scope, limit, filters, how, used, timings)
        found = Retrieved(ok=True)
        # Passages copy their document's policy for speed, and the copies can be behind for a
        # moment. Where the last step had to drop one, another could be missing: ask again, the
        # documents' own. Where rules bar a class, nothing of it is even ranked: only the documents
        # know their classes.
        for exact in (False, True) if class_rules.are_all_allowed() else (True,):
            found, is_complete = search.run(exact=exact)
            if not found.ok or is_complete:
                break
    return found


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


@dataclass(frozen=True, slots=True)
class _Question:
    """A question in its wordings; the first is its own.

    Attributes:
        text: as it is searched for.
        wordings: what each asks for by words; None: it has no word but stop words.
        vectors: of the wordings, once the model has answered.
    """

    text: str
    wordings: Sequence[Weighed | None]
    vectors: Future[tuple[EmbeddingSpec, list[Vector]]]


@dataclass(frozen=True, slots=True)
class _Search:
    """One question on its way."""

    asked: _Question
    scope: Scope
    limit: int
    filters: Filters
    how: How
    stages: Stages
    timings: Timings

    def run(self, *, exact: bool) -> tuple[Retrieved, bool]:
        """Return what is found, and whether nothing that was found had to be dropped."""
        found = self._find(exact=exact)
        if found is None:
            return Retrieved(ok=False, timings_ms=self.timings.ms), False
        rankings: dict[str, Sequence[OfDocument]] = dict(
            zip(("lexical", "vector"), found[0], strict=True)
        )
        lists = [fusion.fuse(words, near) for words, near in found]
        fused = fusion.join(lists[0], lists[1:])
        rankings["fused"] = fused
        released = self._release(fused)
        ordered = self._ordered(released.passages)
        rankings["reranked"] = ordered
        ok, still = (released.ok, ordered)
        if ok and self.stages.second_stage == SecondStage.ENDPOINT:
            ok, still = release.still(self.scope, ordered)
        shown = self._thinned(still)
        if ok and self.how.token_budget is not None:
            ok, shown = self._stitched(shown)
        told = Retrieved(ok, shown if ok else (), self.timings.ms, rankings)
        return told, released.is_complete

    def _find(self, *, exact: bool) -> list[tuple[Sequence[Hit], Sequence[Hit]]] | None:
        """Return what each wording finds by words and by meaning; None when a guard did not hold.

        Words first: the model thinks meanwhile.
        """
        by_words = [self._by_words(one, exact=exact) for one in self.asked.wordings]
        if not all(found.ok for found in by_words):
            return None
        with self.timings.of("embed"):
            spec, vectors = self.asked.vectors.result()
            embedding_models.require(spec)
        near = [self._by_meaning(vector, exact=exact) for vector in vectors]
        if not all(found.ok for found in near):
            return None
        return [(words.hits, means.hits) for words, means in zip(by_words, near, strict=True)]

    def _by_words(self, wanted: Weighed | None, *, exact: bool) -> Found:
        if wanted is None:
            return Found(ok=True)
        with self.timings.of("lexical"):
            most = self.how.candidates
            return lexical.search(self.scope, wanted, most, exact=exact, filters=self.filters)

    def _by_meaning(self, vector: Vector, *, exact: bool) -> Found:
        with self.timings.of("vector"):
            most = self.how.candidates
            return vector_store.nearest(self.scope, vector, most, exact=exact, filters=self.filters)

    def _release(self, fused: Sequence[Hit]) -> Released:
        most = max(self.limit, second_stage.DEPTH)
        with self.timings.of("release"):
            return release.release(self.scope, relevance.relevant(fused), most)

    def _ordered(self, passages: Sequence[Passage]) -> list[Passage]:
        department = self.how.department if self.stages.department_hint else ""
        with self.timings.of("reranked"):
            asked = Asked(self.asked.text, department=department)
            own = self.asked.wordings[0]
            if own is not None:
                words = tuple(_words(own))
                asked = Asked(self.asked.text, words, own.wanted.languages, department)
            return second_stage.order(asked, passages, self.stages.second_stage)

    def _thinned(self, passages: Sequence[Passage]) -> tuple[Passage, ...]:
        with self.timings.of("thin"):
            if self.stages.collapse_duplicates:
                passages = duplicates.collapse(passages)
            if self.stages.prefer_newer:
                passages = newer.first(passages)
            return tuple(diversify.diversify(passages, per_document=_PER_DOCUMENT)[: self.limit])

    def _stitched(self, passages: Sequence[Passage]) -> tuple[bool, tuple[Passage, ...]]:
        budget = self.how.token_budget or 0
        with self.timings.of("stitch"):
            return stitch.stitch(
                self.scope, passages, budget, with_neighbours=self.stages.stitch_neighbours
            )


def _weighed(words: str) -> Weighed | None:
    wanted = lexical.understand(words)
    return lexical.weigh(wanted) if wanted else None


def _words(asked: Weighed) -> Iterator[Word]:
    """Yield the question's words that some passage has, with what each says."""
    rarities = asked.rarities
    for alternatives in asked.wanted.words:
        known = frozenset(term for terms in alternatives for term in terms) & rarities.keys()
        if known:
            yield Word(known, max(rarities[term] for term in known))
