"""Values: named by what decides, numbered so that the first match decides, never cut off."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.connections.dialects import value
from apps.connections.errors import ContractBroken
from apps.connections.protocol import Form, Level, Mode, RemoteEntry
from tests.connections.dialects.engine import company, crowded, group, person
from tests.world import World

PEOPLE = ("ada", "bo", "cy")
GROUPS = {"one": ("ada", "bo"), "two": ("bo", "cy")}
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ENTRY = RemoteEntry(person("ada"))

lists = st.lists(
    st.builds(
        RemoteEntry,
        st.sampled_from([*map(person, PEOPLE), *map(group, GROUPS)]),
        is_allowed=st.booleans(),
    ),
    max_size=8,
)


@given(told=st.lists(lists, min_size=10, max_size=20))
@crowded
def test_the_first_entry_that_matches_decides(world: World, told: list[list[RemoteEntry]]) -> None:
    def reads(who: str, entries: list[RemoteEntry]) -> bool:
        mine = {person(who), *(group(name) for name, inside in GROUPS.items() if who in inside)}
        return next((entry.is_allowed for entry in entries if entry.principal in mine), False)

    values = [value.value(value.in_order(entries)) for entries in told]
    with company(world, PEOPLE) as made:
        made.tell(values, {group(name): inside for name, inside in GROUPS.items()})
        assert made.all_readers([((one.external_id,),) for one in values]) == [
            {who for who in PEOPLE if reads(who, entries)} for entries in told
        ]


@given(told=lists, order=st.randoms())
def test_equal_lists_are_one_value_in_whatever_order_they_come(
    told: list[RemoteEntry], order: Any
) -> None:
    numbered = list(value.in_order(told))
    shuffled = order.sample(numbered, len(numbered))
    assert value.value(shuffled).external_id == value.value(numbered).external_id


@pytest.mark.parametrize(
    "other",
    [
        replace(ENTRY, principal=person("bo")),
        replace(ENTRY, principal=group("ada")),
        replace(ENTRY, is_allowed=False),
        replace(ENTRY, ord=1),
        replace(ENTRY, is_sticky=True),
        replace(ENTRY, starts_at=NOW),
        replace(ENTRY, expires_at=NOW),
        replace(ENTRY, level=Level.WRITE),
    ],
)
def test_whatever_decides_makes_another_value(other: RemoteEntry) -> None:
    assert value.name_of([ENTRY]) != value.name_of([other])


def test_a_label_is_no_part_of_the_name() -> None:
    told = value.value([ENTRY], label="0640 ada")
    assert told.external_id == value.value([ENTRY]).external_id == value.name_of([ENTRY])
    assert (told.label, told.form, told.parent, told.mode) == (
        "0640 ada",
        Form.VALUE,
        None,
        Mode.ADD,
    )


def test_only_values_are_called_like_one() -> None:
    assert value.is_name(value.name_of([ENTRY]))
    assert not any(
        map(value.is_name, ["", "value:", "value:12", "folder/value", "VALUE:" + "0" * 64])
    )


def test_neighbours_of_one_sign_share_a_step_and_repetitions_are_left_out() -> None:
    a, b, c = (RemoteEntry(person(name)) for name in PEOPLE)
    numbered = value.in_order([a, b, replace(c, is_allowed=False), replace(a, is_allowed=False)])
    assert [(e.principal.external_id, e.ord) for e in numbered] == [
        ("ada", 0),
        ("bo", 0),
        ("cy", 1),
    ]


@pytest.mark.parametrize("step", [-1, value.MAX_ORD + 1])
def test_a_list_that_cannot_be_kept_whole_is_refused(step: int) -> None:
    with pytest.raises(ContractBroken, match="steps"):
        value.value([ENTRY, replace(ENTRY, is_allowed=False, ord=step)])
    kept = value.value([replace(ENTRY, ord=value.MAX_ORD)])
    assert kept.entries[0].ord == value.MAX_ORD


@pytest.mark.parametrize("timed", [replace(ENTRY, starts_at=NOW), replace(ENTRY, expires_at=NOW)])
def test_an_ordered_list_has_no_times(timed: RemoteEntry) -> None:
    with pytest.raises(ContractBroken, match="time"):
        value.in_order([timed])
