"""Allowances that are joined: never more than the single ones, in whatever order they come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from apps.connections.dialects import granting
from apps.connections.dialects.audiences import MEMBERS
from apps.connections.protocol import Level, Mode, RemoteEntry
from tests.connections.dialects.engine import AHEAD, NOW, PAST, person

moments = st.sampled_from(
    [None, PAST, NOW - timedelta(minutes=1), NOW + timedelta(minutes=1), AHEAD]
)
entries = st.lists(
    st.builds(
        RemoteEntry,
        st.just(person("ada")),
        starts_at=moments,
        expires_at=moments,
        is_sticky=st.booleans(),
        level=st.sampled_from(Level),
    ),
    min_size=1,
    max_size=4,
)


@given(told=entries, minutes=st.integers(-120, 120), is_cut=st.booleans())
def test_joined_allowances_never_allow_more_than_the_single_ones(
    told: list[RemoteEntry], minutes: int, is_cut: bool
) -> None:
    at = NOW + timedelta(minutes=minutes, seconds=7)

    def level(of: Sequence[RemoteEntry]) -> int:
        live = [
            int(e.level)
            for e in of
            if (e.starts_at is None or e.starts_at <= at)
            and (e.expires_at is None or e.expires_at > at)
            and (e.is_sticky or not is_cut)
        ]
        return max(live, default=0)

    [joined] = granting.merged(told)
    assert level([joined]) <= level(told)


def test_of_several_allowances_the_one_that_lasts_longest_is_kept() -> None:
    ends, stays = (
        RemoteEntry(person("ada"), expires_at=AHEAD, level=Level.WRITE),
        RemoteEntry(person("ada")),
    )
    assert granting.merged([ends, stays]) == granting.merged([stays, ends]) == (stays,)
    assert granting.place("x", [RemoteEntry(MEMBERS)], cuts=True).mode == Mode.CUT


def test_an_order_that_once_made_a_difference() -> None:
    later = [
        RemoteEntry(person("ada"), starts_at=NOW, level=level)
        for level in (Level.WRITE, Level.COMMENT)
    ]
    told = [*later, RemoteEntry(person("ada"), expires_at=NOW, level=Level.WRITE)]
    for order in permutations(told):
        assert granting.merged(order) == granting.merged(told)


@given(told=entries, order=st.randoms())
def test_what_is_kept_does_not_depend_on_the_order_in_which_it_is_told(
    told: list[RemoteEntry], order: Any
) -> None:
    assert granting.merged(order.sample(told, len(told))) == granting.merged(told)
