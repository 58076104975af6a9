"""Quotes answer the question, are true to the letter, and can be understood alone."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.chat import citations, extractive, quotes, rendering
from tests.chat.passages import passage

POLICY = passage(
    "Travel policy\n\nApproval\n\nCost of the trip | Who approves\nup to £250 | nobody\n"
    "above £1,200, or any flight | the head of department\n\n"
    "Flights inside Great Britain are not approved. For the Continent, take the train.\n\n"
    "Claiming\n\nTo claim your expenses:\n\n1. Photograph each receipt, e.g. The taxi's.\n"
    "2. File the claim by the 5th.\n3. Wait for the next salary.\n\n"
    "Budget\n\nThe budget for 2027 is £96,000. It is smaller than the one before."
)
RATES = passage(
    "Expense: Mileage with own car; Rate: £0.45; Unit: mile\n"
    "Expense: Meals abroad; Rate: £46.00; Unit: day",
    title="expense-rates-2026",
)


def _shown(answer: str) -> str:
    """Return the answer as it is read: without markup and invisible characters."""
    html = rendering.render(answer, {})
    text = re.sub(r"<[^>]+>", "", html).replace("\u2060", "")
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        text = text.replace(entity, character)
    return text


def test_best_sentence_is_quoted_with_its_citation() -> None:
    answer = extractive.answer("How large is the budget for 2027?", [RATES, POLICY])
    assert "> The budget for 2027 is £96,000" in answer
    assert citations.check(answer, {1, 2}).cited == (2,)
    assert answer.startswith(extractive.INTRODUCTION_SINGLE)


def test_row_of_a_table_names_its_columns() -> None:
    answer = extractive.answer("Who approves a flight?", [POLICY])
    row = "Cost of the trip: above £1,200, or any flight; Who approves: the head of department"
    assert row in answer


def test_row_whose_header_is_out_of_sight_is_quoted_as_it_stands() -> None:
    cut = passage("up to £250 | nobody\nany flight | the head of department")
    assert "any flight | the head" in _shown(extractive.answer("Who approves a flight?", [cut]))


def test_record_of_a_sheet_is_quoted_whole() -> None:
    answer = extractive.answer("What is the rate for meals abroad?", [RATES])
    assert "Expense: Meals abroad; Rate: £46.00; Unit: day" in answer
    assert "Mileage" not in answer


def test_question_after_a_procedure_gets_all_steps_in_order() -> None:
    shown = _shown(extractive.answer("How do I claim expenses?", [POLICY]))
    steps = ["To claim your expenses:", "Photograph each receipt", "File the claim", "next salary"]
    places = [shown.index(step) for step in steps]
    assert places == sorted(places)


def test_sentence_that_leans_back_brings_the_one_before() -> None:
    answer = extractive.answer("Is it smaller than the budget before?", [POLICY])
    assert "The budget for 2027 is £96,000. It is smaller" in answer


def test_question_in_a_document_is_no_answer_alone() -> None:
    faq = passage("FAQ\n\nWhat discount do dealers get? New dealers start with 28 per cent.")
    assert "28 per cent" in extractive.answer("What discount do dealers get?", [faq])


def test_same_sentence_of_two_passages_is_quoted_once() -> None:
    copies = [passage("The ferret is fed on Tuesdays."), passage("The ferret is fed on Tuesdays.")]
    assert extractive.answer("When is the ferret fed?", copies).count("Tuesdays") == 1


def test_quotes_own_numbers_cite_nothing() -> None:
    odd = passage("The ferret [2] eats cheese [1, 2] as shown in [3](https://evil.example).")
    answer = extractive.answer("What does the ferret eat?", [odd])
    assert citations.check(answer, {1, 2, 3}).cited == (1,)
    assert "evil.example" in _shown(answer)
    assert "href" not in rendering.render(answer, {})


@pytest.mark.parametrize(
    "text",
    ["*not bold* and _this_", "<script>alert(1)</script>", "# no heading", "a\\*b `c` | d", "1. x",
     "![i](https://evil.example/x.png)", "AT&amp;T &lt;b&gt;"],
)  # fmt: skip
def test_markup_of_a_document_is_shown_as_it_stands(text: str) -> None:
    answer = extractive.answer("ferret", [passage(f"The ferret says {text} to everybody.")])
    assert text in _shown(answer)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.text(alphabet="ab Z.?!:;|-*1\n\t£", max_size=120), min_size=1, max_size=3))
def test_any_text_can_be_quoted(texts: list[str]) -> None:
    passages = [passage(text) for text in texts if text.strip()]
    if not passages:
        return
    answer = extractive.answer("What about ab Z 1?", passages)
    assert set(citations.check(answer, range(1, 4)).cited) <= set(range(1, len(passages) + 1))
    assert len(answer) < 5_000


@given(st.text(alphabet="abc DE.!?'\")", max_size=200))
def test_no_character_is_lost_between_sentences(text: str) -> None:
    line = " ".join(text.split())
    assert "".join(quotes.sentences(line)).replace(" ", "") == line.replace(" ", "")


def test_abbreviations_end_no_sentence() -> None:
    found = quotes.sentences("Ask Dr. Fell, e.g. The one in No. 5. Then wait.")
    assert found == ["Ask Dr. Fell, e.g. The one in No. 5.", "Then wait."]


async def test_pieces_are_the_answer() -> None:
    streamed = [piece async for piece in extractive.pieces("When is the budget?", [POLICY])]
    assert len(streamed) > 3
    assert "".join(streamed) == extractive.answer("When is the budget?", [POLICY])
