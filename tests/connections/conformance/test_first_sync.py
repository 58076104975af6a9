"""Everything is compared for the first time, and again."""

from __future__ import annotations

from apps.sync_events.models import RunState
from tests.connections.conformance.bench import Bench
from tests.connections.conformance.sources import each
from tests.connections.conformance.truth import assert_true


@each
def test_everything_is_there(bench: Bench) -> None:
    run = bench.sync()
    assert run.state == RunState.SUCCEEDED, run.error
    assert_true(bench)
    before = bench.prints()
    assert bench.sync().state == RunState.SUCCEEDED
    bench.poll()
    assert not bench.index(), "documents were indexed again"
    assert bench.prints() == before
    assert_true(bench)
