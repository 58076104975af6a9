"""Adds up what the stages found, question by question: a few numbers each, and nothing else."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from apps.search.evaluation.asking import Heard
from apps.search.evaluation.measures import Measured, measured
from apps.search.evaluation.questions import Judgement
from apps.search.release import Passage

_FIRST = 10
# What the columns and the JSON members are called, as the literature has them.
FIGURES: dict[str, Callable[[Measured], float]] = {
    "nDCG@10": lambda one: one.ndcg_at_10,
    "recall@10": lambda one: one.recall_at_10,
    "recall@100": lambda one: one.recall_at_100,
    "MRR": lambda one: one.reciprocal_rank,
}
_NOTHING = Measured(0.0, 0.0, 0.0, 0.0)

# What answers a question: the id of a document in the database, and how it was judged.
Judged = Sequence[tuple[int, Judgement]]


@dataclass
class Tally:
    """The figures so far.

    Attributes:
        by_question: question -> stage -> figures, of the questions that something answers.
        ms: stage -> milliseconds of every question that was asked.
        passages: question -> share of its judged passages that are among the first ten shown.
        unanswerable: questions that nothing answers.
        refused: how many of them were told that nothing was found.
    """

    by_question: dict[str, dict[str, Measured]] = field(default_factory=dict)
    ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    passages: dict[str, float] = field(default_factory=dict)
    unanswerable: int = 0
    refused: int = 0

    def add(self, question_id: str, heard: Heard, judged: Judged) -> None:
        """Add one question.

        Args:
            question_id: unique in this tally.
            heard: what was found.
            judged: what answers it; nothing where the right reply is that nothing was found.
        """
        for stage, spent in heard.ms.items():
            self.ms[stage].append(spent)
        grades: dict[int, int] = {}
        for document_id, one in judged:
            grades[document_id] = max(one.grade, grades.get(document_id, 0))
        if not any(grade > 0 for grade in grades.values()):
            self.unanswerable += 1
            self.refused += not heard.passages
            return
        self.by_question[question_id] = {
            stage: measured(ranking, grades) for stage, ranking in heard.rankings.items()
        }
        wanted = [(pk, one) for pk, one in judged if one.has_passage and one.grade > 0]
        if wanted:
            self.passages[question_id] = _share(wanted, heard.passages[:_FIRST])

    def stages(self) -> list[str]:
        """Return the stages in their order; one that a question passed by counts 0 for it."""
        return max((list(stages) for stages in self.by_question.values()), key=len, default=[])

    def as_json(self) -> dict[str, Any]:
        """Return the means by stage, the latencies, and the figures of every question."""
        told: dict[str, Any] = {
            "questions": len(self.by_question),
            "stages": {stage: self._stage(stage) for stage in self.stages()},
        }
        if self.passages:
            told["passages"] = {
                "questions": len(self.passages),
                "recall@10": _rounded(statistics.fmean(self.passages.values())),
            }
        if self.unanswerable:
            told["unanswerable"] = {
                "questions": self.unanswerable,
                "nothing_found": self.refused,
            }
        told["by_question"] = {
            name: {stage: _figures([one]) for stage, one in stages.items()}
            for name, stages in self.by_question.items()
        }
        return told

    def _stage(self, stage: str) -> dict[str, Any]:
        found = [one.get(stage, _NOTHING) for one in self.by_question.values()]
        return _figures(found) | {
            "ms_median": round(statistics.median(self.ms[stage]), 1),
            "ms_p95": round(_percentile(self.ms[stage], 0.95), 1),
        }


def _share(wanted: Judged, shown: Sequence[Passage]) -> float:
    """Return which share of the judged passages is among those shown."""
    found = [
        any(
            one.document_id == pk and judgement.is_in(one.start, one.end, one.text) for one in shown
        )
        for pk, judgement in wanted
    ]
    return sum(found) / len(found)


def _figures(found: Sequence[Measured]) -> dict[str, float]:
    return {
        name: _rounded(statistics.fmean(figure(one) for one in found))
        for name, figure in FIGURES.items()
    }


def _rounded(figure: float) -> float:
    return round(figure, 4)


def _percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that so large a share of them does not exceed."""
    return sorted(values)[math.ceil(share * len(values)) - 1]
