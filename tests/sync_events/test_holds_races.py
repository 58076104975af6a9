"""Holding while somebody else writes: a sync, an admin who decides, a lock that lasts."""

from __future__ import annotations

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
from apps.sync_events import holds_changes
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
def locked(folder: Folder, place: str) -> Iterator[None]:
    """Hold a place's row until somebody has waited for it and has given up."""
    taken, over = threading.Event(), time.monotonic() + 30

    def hold() -> None:
        try:
            with tenant_context(folder.tenant), transaction.atomic():
                Acl.objects.select_for_update().get(external_id=place)
                taken.set()
                for is_waited_for in (True, False):
                    while time.monotonic() < over and is_waited_for_me() != is_waited_for:
                        time.sleep(0.02)
        finally:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert taken.wait(10)
    yield
    thread.join()
    assert time.monotonic() < over, "nobody has waited, or nobody has given up"


def test_what_cannot_be_counted_in_time_counts_as_large(
    share: Folder, committed_world: World
) -> None:
    set_hold(share, 1_000_000)
    with locked(share, "finance/"):
        edit(share, *OPEN_FINANCE)
    (change,) = changes(share)
    assert change.documents is None
    assert readable(share, committed_world.bo) == ["handbook.md"]
