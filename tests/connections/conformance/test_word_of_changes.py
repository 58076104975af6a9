"""Sources that send word of changes: word is enough, may come twice, and is never believed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.core.cache import cache
from django.db import transaction

from apps.connections.errors import PushRefused
from apps.connections.protocol import Delivery
from apps.sync_events.models import UNFINISHED
from apps.sync_events.push_in import receive
from tests.connections.conformance.bench import Bench
from tests.connections.conformance.source import Verb
from tests.connections.conformance.sources import having
from tests.connections.conformance.stories import mixed
from tests.connections.conformance.truth import assert_true


def subscribed(bench: Bench) -> None:
    bench.sync()
    with bench.bound():
        bench.source.subscribe(bench.connection)
        for delivery in bench.source.word(bench.connection):
            receive.receive(bench.connection, delivery)
    bench.work_off()


def word(bench: Bench) -> list[Delivery]:
    with bench.bound():
        return bench.source.word(bench.connection)


def take(bench: Bench, delivery: Delivery) -> None:
    with bench.bound():
        receive.receive(bench.connection, delivery)


@having(Verb.PUSH)
def test_word_is_enough(bench: Bench) -> None:
    subscribed(bench)
    mixed(bench)
    sent = word(bench)
    assert sent, "the source sent no word"
    for delivery in sent:
        take(bench, delivery)
    bench.work_off()
    assert_true(bench)


@pytest.mark.slow
@having(Verb.PUSH)
def test_word_in_another_order_and_twice_is_the_same(bench: Bench) -> None:
    subscribed(bench)
    mixed(bench)
    sent = word(bench)
    for delivery in reversed(sent):
        take(bench, delivery)
        take(bench, delivery)
        bench.work_off()
    assert_true(bench)
    for delivery in sent:
        take(bench, delivery)
    assert not [run for run in bench.runs() if run.state in UNFINISHED], "word counted twice"


@having(Verb.PUSH)
def test_word_that_is_not_the_source_s_does_nothing(bench: Bench) -> None:
    subscribed(bench)
    mixed(bench)
    first = word(bench)[0]
    forged = {
        name: "0" * len(value) if "signature" in name or "token" in name else value
        for name, value in first.headers.items()
    }
    assert forged != first.headers
    for delivery in (replace(first, headers=forged), Delivery({}, first.body)):
        cache.clear()
        with pytest.raises(PushRefused):
            take(bench, delivery)
    with bench.bound(), transaction.atomic():
        assert not [run for run in bench.runs() if run.state in UNFINISHED]
