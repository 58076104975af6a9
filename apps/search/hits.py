"""What a search stage finds: references to passages with their evidence, never their text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Stage = Literal["lexical", "vector"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One stage's opinion of a passage.

    Attributes:
        stage: which one.
        rank: place in that stage's list, from 1.
        score: lexical: the share of the query's words that the passage has, 0 to 1;
            vector: the cosine between query and passage, -1 to 1.
    """

    stage: Stage
    rank: int
    score: float


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found; `score` compares only within one list."""

    chunk_id: int
    document_id: int
    score: float
    evidence: tuple[Evidence, ...]

    def score_in(self, stage: Stage) -> float | None:
        """Return the score that a stage gave, or None if it did not find the passage."""
        return next((e.score for e in self.evidence if e.stage == stage), None)


@dataclass(frozen=True, slots=True)
class Found:
    """One stage's list, best first, and whether the statement's guard held.

    With `ok` False the list is empty and says nothing: the readable set has to be computed anew.
    """

    ok: bool
    hits: tuple[Hit, ...] = ()
