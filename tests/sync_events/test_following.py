"""Which logs of changes a run reads, in which order, and how quiet ones are stored."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NoReturn
from uuid import UUID

import pytest
from django.db import connection as database
from django.db import transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.connections.errors import SourceUnavailable
from apps.connections.models import Connection
from apps.connections.protocol import Page
from apps.sync_events import following, log_positions, runs
from apps.sync_events.models import Lane, LogPosition, SyncRun
from apps.tenants.context import tenant_context
from tests.sync_events.pushing import connect
from tests.world import World

LOGS = ("a", "b", "c", "d", "e")


def _not_asked(*_: object) -> NoReturn:
    raise AssertionError("only logs are read here")


@dataclass
class Quiet:
    """The part of a source that keeps logs, which say nothing.

    Attributes:
        before: called with the name of each log before it is read.
        read: the logs in the order in which they were read.
    """

    before: Callable[[str], None] = lambda name: None
    read: list[str] = field(default_factory=list)

    def positions(self) -> Mapping[str, str]:
        return dict.fromkeys(LOGS, "0")

    check = sweep = changes = permissions = open = _not_asked

    def follow(self, positions: Mapping[str, str]) -> Iterator[Page]:
        for name, position in positions.items():
            self.before(name)
            self.read.append(name)
            yield Page(datetime.now(UTC), positions={name: str(int(position) + 1)})


@pytest.fixture
def source(committed_world: World) -> Connection:
    """A connection whose logs were all read a moment ago."""
    made = connect(committed_world.acme, "google_drive")
    with tenant_context(made.tenant), transaction.atomic():
        log_positions.begin(made, dict.fromkeys(LOGS, "0"))
        Connection.objects.filter(pk=made.pk).update(
            followed_at=timezone.now(), poll_interval_s=3600
        )
    return made


def follow(source: Connection, quiet: Quiet, trigger: SyncRun.Trigger) -> bool:
    """Let a new run read logs, and cancel it."""
    with tenant_context(source.tenant):
        run, token = claimed(source, trigger)
        try:
            return following.follow(run, token, quiet, ends_at=math.inf)
        finally:
            with transaction.atomic():
                SyncRun.objects.filter(pk=run.pk).delete()


def claimed(source: Connection, trigger: SyncRun.Trigger) -> tuple[SyncRun, UUID]:
    run = runs.request(source, Lane.PERMISSIONS, trigger=trigger)
    token = runs.claim(run.pk)
    assert token is not None
    with transaction.atomic():
        return SyncRun.objects.select_related("connection").get(pk=run.pk), token


def positions(source: Connection) -> dict[str, str]:
    with tenant_context(source.tenant), transaction.atomic():
        return dict(LogPosition.objects.values_list("name", "position"))


def tell(source: Connection, name: str) -> None:
    with tenant_context(source.tenant), transaction.atomic():
        log_positions.tell(source, name)


def test_nothing_is_read_while_nothing_was_told_and_no_poll_is_due(source: Connection) -> None:
    quiet = Quiet()
    assert follow(source, quiet, SyncRun.Trigger.CHANGE)
    assert quiet.read == []


def test_word_has_one_log_read_once(source: Connection) -> None:
    quiet = Quiet()
    tell(source, "c")
    for _ in range(2):
        assert follow(source, quiet, SyncRun.Trigger.CHANGE)
    assert quiet.read == ["c"]
    assert positions(source) == dict.fromkeys(LOGS, "0") | {"c": "1"}


def test_word_of_no_log_that_is_known_has_all_read(source: Connection) -> None:
    quiet = Quiet()
    tell(source, "another")
    assert follow(source, quiet, SyncRun.Trigger.CHANGE)
    assert sorted(quiet.read) == list(LOGS)


def test_any_run_reads_all_where_a_poll_is_due(source: Connection) -> None:
    quiet = Quiet()
    with tenant_context(source.tenant), transaction.atomic():
        long_ago = timezone.now() - timedelta(hours=2)
        Connection.objects.update(followed_at=long_ago)
        LogPosition.objects.update(read_at=long_ago)
    assert follow(source, quiet, SyncRun.Trigger.CHANGE)
    assert follow(source, quiet, SyncRun.Trigger.CHANGE)
    assert sorted(quiet.read) == list(LOGS)


def test_word_does_not_wait_until_all_other_logs_are_read(
    source: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_LOOKS_EVERY_S", 0)
    quiet = Quiet(before=lambda name: tell(source, "e") if name == "a" else None)
    assert follow(source, quiet, SyncRun.Trigger.POLL)
    # Only with the next log's page it is known that one has ended: "b" is begun twice.
    assert quiet.read == ["a", "b", "e", "b", "c", "d"]


def test_word_that_comes_while_its_log_is_read_has_it_read_again(source: Connection) -> None:
    quiet = Quiet(before=lambda name: tell(source, name) if not quiet.read else None)
    tell(source, "b")
    assert follow(source, quiet, SyncRun.Trigger.CHANGE)
    assert follow(source, quiet, SyncRun.Trigger.CHANGE)
    assert follow(source, quiet, SyncRun.Trigger.CHANGE)
    assert quiet.read == ["b", "b"]


def test_what_says_nothing_is_stored_for_all_logs_at_once(source: Connection) -> None:
    with CaptureQueriesContext(database) as asked:
        assert follow(source, Quiet(), SyncRun.Trigger.POLL)
    assert positions(source) == dict.fromkeys(LOGS, "1")
    written = [each for each in asked if 'INTO "sync_events_logposition"' in each["sql"]]
    assert len(written) == 1


def test_what_was_read_before_the_source_failed_is_kept(source: Connection) -> None:
    def fails(name: str) -> None:
        if name == "c":
            raise SourceUnavailable("away")

    with pytest.raises(SourceUnavailable):
        follow(source, Quiet(before=fails), SyncRun.Trigger.POLL)
    assert positions(source) == dict.fromkeys(LOGS, "0") | {"a": "1", "b": "1"}
