"""A tenant of any number of passages with readers of a dozen documents, 1, 10, 50 and 100 %.

Vectors are mixtures of real ones (`real_vectors`), or made of clusters where there are none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.real_vectors import RealVectors

Vectors = NDArray[np.float32]
Numbers = NDArray[np.int64]

DIMENSION = 384
REACHES = {"12 documents": 0.0, "1 %": 0.01, "10 %": 0.1, "50 %": 0.5, "100 %": 1.0}
_PER_DOCUMENT = 6
_PER_POLICY = 120
_TOPICS = 64
# Of a mixture: its second vector's weight and its noise, fitted by `neighbours`.
_SECOND, _NOISE = 0.8, 0.35
_CLUSTERS, _SPREAD, _QUESTION_NOISE = 2_000, 0.75, 0.45


@dataclass(frozen=True)
class Corpus:
    """Passages 0 … n - 1 with their vectors, documents and policies, and what is asked of them.

    Attributes:
        vectors: unit vectors, shape (n, 384); what half precision holds.
        documents: of each passage, shape (n,), ascending.
        policies: of each passage, shape (n,), from 0.
        readers: reach -> the policies that admit this reader, ascending.
        questions: unit vectors, shape (m, 384).
        kind: what the vectors were made of.
        parents: the two real passages that each is mixed of, shape (2, n); None without real ones.
    """

    vectors: Vectors
    documents: Numbers
    policies: Numbers
    readers: dict[str, Numbers]
    questions: Vectors
    kind: str
    parents: Numbers | None = None

    @property
    def policy_count(self) -> int:
        """How many policies there are."""
        return int(self.policies.max()) + 1

    def permitted(self, reach: str) -> Numbers:
        """Return the passages that a reader may see, ascending."""
        admits = np.zeros(self.policy_count, bool)
        admits[self.readers[reach]] = True
        return np.flatnonzero(admits[self.policies])


def corpus(rows: int, real: RealVectors | None, *, questions: int, seed: int = 7) -> Corpus:
    """Return a corpus of so many passages.

    Args:
        rows: passages.
        real: what to mix; None for clusters.
        questions: how many.
        seed: the same one gives the same corpus.
    """
    # Apart, so that more questions leave the rest as it is.
    random, of_questions, of_policies = np.random.default_rng(seed).spawn(3)
    documents = np.arange(rows, dtype=np.int64) // _PER_DOCUMENT
    parents = None
    if real is None:
        vectors = _clustered(rows, random)
        asked = vectors[of_questions.integers(rows, size=questions)]
        noise = of_questions.standard_normal(asked.shape, np.float32)
        asked = _unit(asked + noise * np.float32(_QUESTION_NOISE / DIMENSION**0.5))
    else:
        parents = pairs(real, rows, random)
        vectors = mixtures(real, parents, random)
        chosen = of_questions.permutation(len(real.questions))[:questions]
        asked = real.questions[chosen]
    vectors = vectors.astype(np.float16).astype(np.float32)
    policies = _policies(vectors, documents, of_policies)
    kind = "clusters" if real is None else "mixtures of real passages"
    readers = _readers(policies, of_policies)
    return Corpus(vectors, documents, policies, readers, asked, kind, parents)


def pairs(real: RealVectors, rows: int, random: np.random.Generator) -> Numbers:
    """Return for each passage the real ones that it is made of, shape (2, rows).

    A document's passages are made of one real document's, as far as it has so many.
    """
    ends = np.searchsorted(real.documents, real.documents, side="right")
    starts = np.searchsorted(real.documents, real.documents, side="left")
    first = np.repeat(random.integers(len(real.passages), size=rows // _PER_DOCUMENT + 1), 6)[:rows]
    first = random.integers(starts[first], ends[first])
    second = random.integers(starts[first], ends[first])
    other = random.integers(len(real.passages), size=rows)
    # Half of them are mixed with a passage of the same document, half with any.
    second = np.where(random.random(rows) < 0.5, second, other)
    return np.stack([first, second])


def mixtures(real: RealVectors, parents: Numbers, random: np.random.Generator) -> Vectors:
    """Return unit vectors, each of a real passage, a part of its second parent's, and noise."""
    first, second = parents
    made = np.empty((len(first), DIMENSION), np.float32)
    for begin in range(0, len(first), 100_000):
        part = slice(begin, begin + 100_000)
        noise = random.standard_normal((len(first[part]), DIMENSION), np.float32)
        weight = _SECOND * random.random((len(first[part]), 1), np.float32)
        made[part] = real.passages[first[part]] + weight * real.passages[second[part]]
        made[part] += noise * np.float32(_NOISE / DIMENSION**0.5)
    return _unit(made)


def neighbours(passages: Vectors, questions: Vectors) -> dict[str, float]:
    """Return the mean cosine of questions, and of passages, to their nearest and tenth nearest."""
    own = passages[:: max(len(passages) // 500, 1)]
    to_question = np.sort(questions[:500] @ passages.T, axis=1)
    to_passage = np.sort(own @ passages.T, axis=1)[:, :-1]  # without itself
    return {
        "question, nearest": float(to_question[:, -1].mean()),
        "question, tenth": float(to_question[:, -10].mean()),
        "passage, nearest": float(to_passage[:, -1].mean()),
        "passage, tenth": float(to_passage[:, -10].mean()),
    }


def nearest_exactly(vectors: Vectors, question: Vectors, count: int) -> tuple[Numbers, float]:
    """Return the numbers of the nearest rows, best first, and the cosine of the last of them."""
    cosines = vectors @ question
    best = np.argpartition(-cosines, min(count, len(cosines) - 1))[:count]
    best = best[np.argsort(-cosines[best])]
    return best, float(cosines[best[-1]])


def _clustered(rows: int, random: np.random.Generator) -> Vectors:
    centres = _unit(random.standard_normal((_CLUSTERS, DIMENSION), np.float32))
    weights = 1 / np.arange(1, _CLUSTERS + 1) ** 0.7
    of = random.choice(_CLUSTERS, rows // _PER_DOCUMENT + 1, p=weights / weights.sum())
    vectors = np.repeat(centres[of], _PER_DOCUMENT, axis=0)[:rows]
    for begin in range(0, rows, 100_000):
        part = vectors[begin : begin + 100_000]
        part += random.standard_normal(part.shape, np.float32) * np.float32(_SPREAD / 384**0.5)
    return _unit(vectors)


def _policies(vectors: Vectors, documents: Numbers, random: np.random.Generator) -> Numbers:
    """Give each document a policy: half of them one that prefers its topic, sizes by Zipf."""
    count = max(len(vectors) // _PER_POLICY, 40)
    weights = random.permutation(1 / np.arange(3, count + 3) ** 0.6)
    heads = vectors[np.searchsorted(documents, np.arange(documents[-1] + 1))]
    anchors = heads[random.integers(len(heads), size=_TOPICS)]
    topics = np.argmax(heads @ anchors.T, axis=1)
    own = np.arange(len(heads))
    anywhere = random.choice(count, len(own), p=weights / weights.sum())
    preferred = anywhere - anywhere % _TOPICS + topics
    preferred = np.where(preferred < count, preferred, anywhere)
    chosen = np.where(random.random(len(own)) < 0.5, preferred, anywhere)
    # One policy for a dozen documents and nobody else.
    chosen[random.choice(len(own), 12, replace=False)] = count
    _, dense = np.unique(chosen, return_inverse=True)
    return np.asarray(dense[documents], np.int64)


def _readers(policies: Numbers, random: np.random.Generator) -> dict[str, Numbers]:
    sizes = np.bincount(policies)
    dozen = len(sizes) - 1
    order = random.permutation(dozen)
    reached = np.cumsum(sizes[order])
    found: dict[str, Numbers] = {}
    for reach, share in REACHES.items():
        taken = order[: int(np.searchsorted(reached, share * len(policies))) + 1]
        found[reach] = np.sort(taken) if share else np.array([dozen])
    found["100 %"] = np.arange(len(sizes))
    return found


def _unit(vectors: Any) -> Vectors:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)
