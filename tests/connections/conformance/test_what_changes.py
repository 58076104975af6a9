"""Added, edited, renamed, moved, deleted; shared and no longer; people who come and go."""

from __future__ import annotations

import pytest

from apps.sync_events.models import RunState
from tests.connections.conformance.bench import Bench
from tests.connections.conformance.source import EVE
from tests.connections.conformance.sources import each
from tests.connections.conformance.stories import access, content, step
from tests.connections.conformance.truth import assert_listed, assert_readers, assert_true, readers


@each
def test_content_is_heard_between_two_comparisons(bench: Bench) -> None:
    bench.sync()
    for what in content(bench):
        with step(what):
            bench.poll()
            assert_listed(bench)
            assert_readers(bench)
    assert_true(bench)


@pytest.mark.slow
@each
def test_content_is_found_by_a_comparison_alone(bench: Bench) -> None:
    bench.sync()
    for _ in content(bench):
        continue
    bench.sync()
    assert_true(bench)


@each
def test_access_is_heard_between_two_comparisons(bench: Bench) -> None:
    bench.sync()
    before = bench.prints()
    for what, verb in access(bench):
        with step(what):
            bench.poll()
            if verb in bench.source.untold:
                bench.sweep()
            assert_readers(bench)
    assert not any(EVE in who for who in readers(bench).values())
    assert_true(bench)
    assert bench.prints() == before, "documents were indexed again whose readers changed"


@pytest.mark.slow
@each
def test_access_is_found_by_a_comparison_alone(bench: Bench) -> None:
    bench.sync()
    for _ in access(bench):
        continue
    bench.sync()
    assert_true(bench)


@pytest.mark.slow
@each
def test_access_is_found_by_the_lane_of_permissions_alone(bench: Bench) -> None:
    bench.sync()
    before = bench.prints()
    assert bench.confirm().state == RunState.SUCCEEDED
    assert_readers(bench)
    for what, _ in access(bench):
        with step(what):
            bench.confirm()
            assert_readers(bench)
    assert_true(bench)
    assert bench.prints() == before


@pytest.mark.slow
@each
def test_much_is_heard_at_once(bench: Bench) -> None:
    """More than a page of a log holds, in several places."""
    bench.sync()
    for _ in access(bench):
        continue
    for _ in content(bench):
        continue
    bench.poll()
    if bench.source.untold:
        bench.sweep()
    assert_true(bench)
