"""What a source alone knows of an item: JSON values, in whole fields, within bounds."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.documents import source_fields

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)


def test_values_are_kept_as_they_are() -> None:
    told = {"archived": False, "priority": 3, "ratio": 0.5, "team": {"key": "ENG", "tags": ["a"]}}
    assert source_fields.kept(told) == source_fields.Kept(told)


def test_what_postgresql_refuses_is_cleaned() -> None:
    kept = source_fields.kept({"na\x00me": "a\x00b\ud800", "large": 2**63})
    assert kept.fields == {"name": "ab�", "large": str(2**63)}


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, b"bytes", datetime(2026, 1, 1, tzinfo=UTC), {1, 2}]
)
def test_what_is_no_json_is_left_out_and_named(value: Any) -> None:
    kept = source_fields.kept({"before": 1, "odd": {"in": [value]}, "after": 2})
    assert kept == source_fields.Kept({"before": 1, "after": 2}, ("odd",))


def test_what_is_too_deep_is_left_out() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    assert source_fields.kept({"deep": deep}) == source_fields.Kept({}, ("deep",))


def test_fields_that_do_not_fit_are_left_out_whole() -> None:
    half = "x" * (source_fields.MAX_BYTES // 2)
    kept = source_fields.kept({"first": half, "second": half, "third": "small"})
    assert kept == source_fields.Kept({"first": half, "third": "small"}, ("second",))


@given(told=st.dictionaries(st.text(max_size=20), anything, max_size=30))
def test_whatever_is_told_stays_json_within_the_bound(told: dict[str, Any]) -> None:
    kept = source_fields.kept(told)
    text = json.dumps(kept.fields, ensure_ascii=False, allow_nan=False)
    assert len(text.encode()) <= source_fields.MAX_BYTES
    assert "\\u0000" not in text
    assert len(kept.fields) + len(kept.left_out) == len(told)


@given(sizes=st.lists(st.integers(1, 9000), max_size=12))
def test_the_bound_holds_for_large_fields(sizes: list[int]) -> None:
    kept = source_fields.kept({f"field {n}": "é" * size for n, size in enumerate(sizes)})
    assert len(json.dumps(kept.fields, ensure_ascii=False).encode()) <= source_fields.MAX_BYTES
