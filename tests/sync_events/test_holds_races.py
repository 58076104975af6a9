"""Holding while somebody else writes: a sync, an admin who decides, a lock that lasts."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.db import connection, transaction
from django.utils import timezone

from apps.acls.models import Acl, HoldState
from apps.sync_events import holds, holds_changes
from apps.sync_events.holds_page import Widening
from apps.tenants.context import tenant_context
from tests.sync_events.folder import Folder
from tests.sync_events.holding import OPEN_FINANCE, changes, held, set_hold
from tests.sync_events.test_manifest_changes import edit, readable
from tests.world import World


@pytest.fixture
def share(committed_world: World, tmp_path: Path, settings: LazySettings) -> Folder:
    settings.KENWARD_FOLDER_ROOTS = [tmp_path]
    return held(committed_world, tmp_path / "share")


def is_waited_for_me() -> bool:
    """Return whether another transaction waits for this one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks"
            " WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
        )
        return bool(cursor.fetchone()[0])


def meanwhile(act: Callable[[], object], folder: Folder) -> threading.Thread:
    """Start an act in a transaction of its own; return once it waits for this transaction."""

    def run() -> None:
        try:
            with tenant_context(folder.tenant), transaction.atomic():
                act()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    while thread.is_alive() and not is_waited_for_me():
        time.sleep(0.01)
    return thread


def test_what_a_sync_finds_while_an_admin_agrees_waits_for_another_decision(
    share: Folder, committed_world: World
) -> None:
    edit(share, *OPEN_FINANCE)
    (seen,) = changes(share)
    unseen = Widening("place:secret", (("may read", "members", "members"),))
    with tenant_context(share.tenant):
        with transaction.atomic():
            holds_changes.decide(
                seen, agrees=True, seen=seen.fingerprint, actor_id=committed_world.ida.pk
            )
            syncing = meanwhile(
                lambda: holds_changes.hold(
                    share.connection, [unseen], None, observed_at=timezone.now()
                ),
                share,
            )
        syncing.join()
        with transaction.atomic():
            known = holds_changes.decided(share.connection, [unseen.subject])
    assert known.of(unseen) == HoldState.WAITING
    assert [one.pk for one in changes(share, HoldState.AGREED)] == [seen.pk]


def test_what_a_source_takes_back_while_an_admin_refuses_does_not_undo_the_refusal(
    share: Folder, committed_world: World
) -> None:
    edit(share, *OPEN_FINANCE)
    (seen,) = changes(share)
    with tenant_context(share.tenant):
        with transaction.atomic():
            (subject,) = seen.parts.values_list("subject", flat=True)
            holds_changes.decide(
                seen, agrees=False, seen=seen.fingerprint, actor_id=committed_world.ida.pk
            )
            syncing = meanwhile(
                lambda: holds_changes.settle(share.connection, [subject], []), share
            )
        syncing.join()
    (refused,) = changes(share, HoldState.REFUSED)
    assert refused.pk == seen.pk and refused.fingerprint == seen.fingerprint
    assert changes(share, HoldState.WITHDRAWN) == []


@contextmanager
def without_lock_timeout() -> Iterator[None]:
    """Let a lock be waited for without the limit that every connection has."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = 0")
        try:
            yield
        finally:
            cursor.execute("RESET lock_timeout")


@contextmanager
def locked(folder: Folder, place: str) -> Iterator[None]:
    """Hold a place's row until the counting says that it has given up, however long it takes."""
    taken, given_up = threading.Event(), threading.Event()

    def heard(record: logging.LogRecord) -> bool:
        if "could not be counted in time" in record.getMessage():
            given_up.set()
        return True

    def hold() -> None:
        try:
            with tenant_context(folder.tenant), transaction.atomic():
                Acl.objects.select_for_update().get(external_id=place)
                taken.set()
                given_up.wait(60)  # counting that waits for longer has no limit
        finally:
            connection.close()

    thread = threading.Thread(target=hold)
    holds.log.addFilter(heard)
    thread.start()
    try:
        assert taken.wait(60)
        yield
        assert given_up.is_set(), "nobody has given up"
    finally:
        given_up.set()
        thread.join()
        holds.log.removeFilter(heard)


def test_what_cannot_be_counted_in_time_counts_as_large(
    share: Folder, committed_world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger=holds.log.name)
    set_hold(share, 1_000_000)
    with without_lock_timeout(), locked(share, "finance/"):
        edit(share, *OPEN_FINANCE)
    (change,) = changes(share)
    assert change.documents is None
    assert readable(share, committed_world.bo) == ["handbook.md"]
