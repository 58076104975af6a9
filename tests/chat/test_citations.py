"""Every [n] of a checked answer names a source of its prompt."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.chat import citations


@pytest.mark.parametrize(
    ("text", "checked", "cited"),
    [
        ("It is so [1].", "It is so [1].", (1,)),
        ("It is so [9].", "It is so.", ()),
        ("So [1, 2] and [2; 7].", "So [1][2] and [2].", (1, 2)),
        ("So 【2】.", "So [2].", (2,)),
        ("So [ 3 ][1].", "So [3][1].", (1, 3)),
        ("In [2026] and [x].", "In [2026] and [x].", ()),
        ("Take `row[9]` [1].", "Take `row[9]` [1].", (1,)),
        ("```\nrow[9] = [8]\n``` [2]", "```\nrow[9] = [8]\n``` [2]", (2,)),
        ("```\nnever closed [9]", "```\nnever closed [9]", ()),
    ],
)
def test_unknown_numbers_are_removed(text: str, checked: str, cited: tuple[int, ...]) -> None:
    assert citations.check(text, {1, 2, 3}) == citations.Checked(checked, cited)


@given(st.text(alphabet="[]【】 0123456789,;a.\n", max_size=60), st.sets(st.integers(1, 12)))
def test_only_known_numbers_are_left(text: str, numbers: set[int]) -> None:
    checked = citations.check(text, numbers)
    left = {int(number) for number in re.findall(r"\[(\d{1,3})\]", checked.text)}
    # Removing one may push others together, which a second look would find.
    assert set(checked.cited) <= numbers
    assert left <= numbers | {int(n) for n in re.findall(r"\d+", text)}


@given(st.text(alphabet="[]【】 0123456789,;ab", max_size=40))
def test_quoted_text_never_cites(quote: str) -> None:
    disarmed = citations.disarm(quote)
    assert citations.check(disarmed, range(1_000)).cited == ()
    assert disarmed.replace("\u2060", "") == quote
