"""What each stage of the search brings: the same questions, asked without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from apps.search.evaluation.asking import FINAL
from apps.search.evaluation.tally import Tally
from apps.search.stages import Expansion, SecondStage, Stages

_OFF: Mapping[str, Any] = {
    "second_stage": SecondStage.NONE,
    "collapse_duplicates": False,
    "prefer_newer": False,
    "department_hint": False,
    "expansion": Expansion.NONE,
}
_FIGURES = ("nDCG@10", "recall@10", "MRR", "ms_median")


def of(used: Stages, ask_all: Callable[[Stages], Tally]) -> dict[str, dict[str, float]]:
    """Return by stage how much the figures of the last list gain by it; more is better but in ms.

    Args:
        used: the stages that are measured; those that are off are passed by.
        ask_all: asks every question with these stages.
    """
    with_all = _final(ask_all(used))
    return {
        name: {figure: round(with_all[figure] - without[figure], 4) for figure in _FIGURES}
        for name, without in (
            (name, _final(ask_all(less))) for name, less in _each_without_one(used)
        )
    }


def _each_without_one(used: Stages) -> Iterator[tuple[str, Stages]]:
    for name, off in _OFF.items():
        less = replace(used, **{name: off})
        if less != used:
            yield name, less


def _final(tally: Tally) -> dict[str, float]:
    found: dict[str, float] = tally.as_json()["stages"].get(FINAL, dict.fromkeys(_FIGURES, 0.0))
    return found
