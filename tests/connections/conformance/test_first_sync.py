"""Everything is compared for the first time, and again."""

from __future__ import annotations

from apps.sync_events.models import RunState
from tests.connections.conformance.bench import Bench
from tests.connections.conformance.source import Place, Verb, new_text
from tests.connections.conformance.sources import each, having
from tests.connections.conformance.truth import assert_true

# For each document: what it is now, its text, and now and then a further page of that.
_MOST_REQUESTS = 3


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


@each
def test_it_ends_however_little_time_a_worker_takes_for_it(
    bench: Bench, page_by_page: None
) -> None:
    assert bench.sync().state == RunState.SUCCEEDED
    assert_true(bench)


@having(Verb.FAULTS)
def test_a_turn_of_indexing_asks_for_each_document_and_little_else(bench: Bench) -> None:
    """Who is who, and which drives or channels there are, is asked once for all of them."""
    peer = bench.source.peer
    assert peer is not None

    def asked_for(documents: int) -> int:
        for number in range(documents):
            bench.source.add(Place.OPEN, f"{documents} {number}", new_text())
        bench.sweep()
        mark = peer.journal.mark()
        bench.index_with_worker()
        return len(peer.asked(mark))

    asked_for(1)
    few, many = asked_for(4), asked_for(14)
    assert many - few <= 10 * _MOST_REQUESTS
    assert_true(bench)
