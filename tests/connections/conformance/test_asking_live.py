"""Sources that can be asked about one person and one item: all at once, and past what is stored."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from django.db import transaction

from apps.connections import providers
from apps.connections.protocol import ChecksAccess
from apps.documents import live
from tests.connections.conformance.bench import Bench
from tests.connections.conformance.source import BO, Place, Verb
from tests.connections.conformance.sources import having
from tests.connections.conformance.truth import true_readers

# More than are asked side by side.
_TIMES = 4


def answers(bench: Bench) -> dict[tuple[str, str], set[bool | None]]:
    """Return what the source says, by item and address."""
    with bench.bound(), transaction.atomic():
        asked = [
            (item, email, live.principals_of(user, bench.connection))
            for item in bench.documents()
            for email, user in bench.people.items()
        ] * _TIMES
        told = live.answers(
            bench.connection, [(item, who) for item, _, who in asked], patience_s=60
        )
    found: dict[tuple[str, str], set[bool | None]] = {}
    for (item, email, _), answer in zip(asked, told, strict=True):
        found.setdefault((item, email), set()).add(answer)
    return found


def true(bench: Bench, asked: Iterable[tuple[str, str]]) -> dict[tuple[str, str], set[bool]]:
    truth = true_readers(bench)
    return {(item, email): {email in truth[item]} for item, email in asked}


@having(Verb.LET_IN)
def test_the_source_says_who_may_read(bench: Bench) -> None:
    if not issubclass(providers.load(bench.source.kind), ChecksAccess):
        pytest.skip("this source cannot say")
    bench.sync()
    told = answers(bench)
    assert told == true(bench, told)
    bench.source.let_in(Place.CLOSED, BO)  # and is read by nobody but the question
    told = answers(bench)
    assert told == true(bench, told)


@having(Verb.FAULTS)
def test_a_source_that_is_away_is_not_asked_for_each_of_many(bench: Bench) -> None:
    bench.sync()
    peer = bench.source.peer
    assert peer is not None
    bench.source.vanish()
    mark = peer.journal.mark()
    told = answers(bench)
    assert {None} == set().union(*told.values())
    assert len(peer.journal.since(mark)) < len(told) * _TIMES / 2
