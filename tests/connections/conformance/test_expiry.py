"""Positions and tokens that end while a run is under way."""

from __future__ import annotations

from itertools import count

from django.db import transaction

from apps.connections.credentials.models import Credential, CredentialState
from apps.connections.models import ConnectionState
from apps.sync_events.engine import Outcome
from apps.sync_events.models import RunState, SyncEvent
from tests.connections.conformance.bench import Bench
from tests.connections.conformance.source import Verb
from tests.connections.conformance.sources import having
from tests.connections.conformance.stories import mixed
from tests.connections.conformance.truth import assert_true


@having(Verb.EXPIRE_CURSORS)
def test_positions_in_a_listing_end_between_two_pages(bench: Bench, page_by_page: None) -> None:
    run = bench.request_sweep()
    for number in count():
        if bench.work_on(run) == Outcome.ENDED:
            break
        if number < 3:
            bench.source.expire_cursors()
        assert number < 100, "the run never ends"
    assert number > 1, "everything came in one page: nothing was tested"
    assert bench.again(run).state == RunState.SUCCEEDED
    bench.work_off()
    assert_true(bench)


@having(Verb.LOGS)
def test_lost_logs_lead_to_a_comparison_of_everything(bench: Bench) -> None:
    bench.sync()
    before = bench.prints()
    mixed(bench)
    bench.source.expire_logs()
    bench.poll()
    assert_true(bench)
    with bench.bound(), transaction.atomic():
        assert SyncEvent.objects.filter(code="cursor_expired").exists()
    unchanged = {bench.items[name] for name in ("notes", "rates", "budget", "salaries")}
    assert {name: bench.prints()[name] for name in unchanged} == {
        name: before[name] for name in unchanged
    }, "what had not changed was read again"
    mixed(bench)
    bench.poll()
    assert_true(bench)


@having(Verb.EXPIRE_TOKENS)
def test_tokens_end_between_any_two_pages(bench: Bench, page_by_page: None) -> None:
    run = bench.request_sweep()
    for number in count():
        bench.source.expire_tokens()
        if bench.work_on(run) == Outcome.ENDED:
            break
        assert number < 100, "the run never ends"
    assert bench.again(run).state == RunState.SUCCEEDED
    bench.source.expire_tokens()
    bench.work_off()
    bench.source.expire_tokens()
    assert_true(bench)
    mixed(bench)
    bench.source.expire_tokens()
    bench.poll()
    bench.source.expire_tokens()
    assert_true(bench)
    with bench.bound(), transaction.atomic():
        bench.connection.refresh_from_db()
        assert bench.connection.state == ConnectionState.ACTIVE
        (account,) = Credential.objects.all()
        assert account.state == CredentialState.VALID
