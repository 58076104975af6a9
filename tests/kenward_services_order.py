"""pytest plugin: which tests of a run that processes share come first, and which are left alone.

What takes minutes comes first, so that no process ends long after the others. What measures time
comes last, and no other test runs meanwhile.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

# Without their parameters; the longest first.
_LONGEST = (
    "test_kenward_answers_as_the_sources_for_two_thousand_steps",
    "test_statement_equals_oracle_for_thousands_of_sets",
    "test_the_command_says_in_its_last_line_what_it_found",
    "test_three_killed_workers_lose_and_double_nothing",
    "test_in_many_random_companies",
)
_ALONE = (
    "test_forbidden_takes_as_long_as_missing",
    "test_model_answers_streamed_and_cited",
    "test_services_for_tests_start_within_two_and_a_half_seconds",
)
# A folder that all processes of the run know (tests.kenward_services).
_FOLDER = Path(os.environ["KENWARD_TEST_RUN_DIR"])


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests; what is not named here keeps its order."""
    items.sort(key=_place)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Run the test beside those of other processes, or with all of them waiting."""
    with _turn(fcntl.LOCK_EX if _name(item) in _ALONE else fcntl.LOCK_SH):
        return (yield)


@contextmanager
def _turn(lock: int) -> Generator[None]:
    # Whoever waits holds the gate, so that those who come later cannot keep it waiting.
    with (_FOLDER / "gate.lock").open("w") as gate, (_FOLDER / "turn.lock").open("w") as turn:
        fcntl.flock(gate, fcntl.LOCK_EX)
        fcntl.flock(turn, lock)
        fcntl.flock(gate, fcntl.LOCK_UN)
        yield


def _place(item: pytest.Item) -> int:
    name = _name(item)
    if name in _ALONE:
        return len(_LONGEST) + 1
    return _LONGEST.index(name) if name in _LONGEST else len(_LONGEST)


def _name(item: pytest.Item) -> str:
    return item.name.partition("[")[0]
