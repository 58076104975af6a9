"""When a follow-up question takes over the topic of the one before."""

from __future__ import annotations

import pytest

from apps.chat import condense
from apps.chat.turns import PastTurn

BEFORE = "What is the travel budget for 2027?"


@pytest.mark.parametrize(
    "question",
    ["And in 2026?", "How much?", "Who decides about it?", "What about Oslo?", "Why?", "and them?"],
)
def test_question_that_leans_on_the_one_before_gets_its_topic(question: str) -> None:
    assert condense.with_topic(question, BEFORE).startswith(f"{question} travel budget")


@pytest.mark.parametrize(
    "question",
    [
        "How many days of annual leave do I have?",
        "Who approves flights?",
        "Which torque does the stem clamp of the Heron 3 need?",
        "Is there a rule that forbids bringing a dog into the office when somebody there objects?",
    ],
)
def test_question_that_stands_alone_stays_as_it_is(question: str) -> None:
    assert condense.with_topic(question, BEFORE) == question


def test_topic_is_not_said_twice() -> None:
    assert condense.with_topic("And the budget?", BEFORE) == "And the budget? travel 2027"


async def test_first_question_stays_as_it_is() -> None:
    assert await condense.standalone("And in Oslo?", ()) == "And in Oslo?"


async def test_last_answered_question_gives_the_topic() -> None:
    history = (PastTurn("Who feeds the ferret?", "Bramble"), PastTurn(BEFORE, "£96,000"))
    assert "travel" in await condense.standalone("And in 2026?", history)
