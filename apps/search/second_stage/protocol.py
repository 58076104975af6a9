"""What a second stage is given and gives back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from apps.errors import Unavailable
from apps.search.release import Passage


class RankerUnavailable(Unavailable):
    """The reranking model does not answer, or not with one score for each passage."""

    code = "ranker_unavailable"


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the question.

    Attributes:
        terms: what it may be found as (`terms.forms`, in each of the tenant's languages).
        weight: how much it tells: its idf among the tenant's passages, above 0.
    """

    terms: frozenset[str]
    weight: float


@dataclass(frozen=True, slots=True)
class Asked:
    """A question.

    Attributes:
        text: as it is searched for.
        words: those that are no stop words, in their order.
        languages: in which the words were read, and passages are.
        department: of the asker; empty where it is unknown or no hint.
    """

    text: str
    words: tuple[Word, ...] = ()
    languages: tuple[str, ...] = ("english",)
    department: str = ""


class Ranker(Protocol):
    """A way to judge passages by reading them beside the question."""

    def scores(self, asked: Asked, passages: Sequence[Passage]) -> list[float]:
        """Return one score for each passage; larger is better.

        Raises:
            RankerUnavailable: there are none just now.
        """
        ...
