"""The page that an address asks for, whatever stands there."""

from __future__ import annotations

import pytest
from django.test import RequestFactory

from apps.documents import page_numbers


@pytest.mark.parametrize(
    ("told", "page"),
    [
        ("1", 1),
        ("7", 7),
        ("200", 200),
        ("201", 200),
        ("999999999", 200),
        ("0", 1),
        ("-3", 1),
        ("٣", 1),
        ("²", 1),
        ("1.5", 1),
        ("", 1),
        # More digits than Python turns into a number.
        ("9" * 5_000, 1),
    ],
)
def test_a_page_is_one_of_those_there_may_be(told: str, page: int) -> None:
    request = RequestFactory().get("/", {"p": told})
    assert page_numbers.asked(request, "p", most=200) == page
    assert page_numbers.asked(RequestFactory().get("/"), "p", most=200) == 1
