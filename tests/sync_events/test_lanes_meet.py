"""Two transactions that write the same people in another order: neither makes a sync fail."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from django.conf import LazySettings
from django.db import OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected

from apps.acls.models import Principal
from apps.sync_events.models import RunState, SyncEvent, SyncRun
from apps.tenants.context import tenant_context
from tests.sync_events.folder import Folder
from tests.sync_events.holding import held
from tests.sync_events.test_holds_races import is_waited_for_me
from tests.world import World


def deadlocks() -> int:
    """Return how many circles the server has broken; it counts some moments later."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def lock(address: str) -> None:
    Principal.objects.select_for_update().get(external_id=address)


def stand_in_the_way_of(share: Folder) -> bool:
    """Sync while another transaction locks the same people in the other order.

    Returns:
        Whether the sync was broken off. The server breaks off whoever finds the circle: the sync,
        which waits first, or this side where it was held up for longer than `deadlock_timeout`.
    """
    give_up_at = time.monotonic() + 60

    def sync() -> None:
        try:
            share.sweep()
        finally:
            connection.close()

    syncing = threading.Thread(target=sync)
    try:
        with tenant_context(share.tenant), transaction.atomic():
            lock("bo@acme.example")
            syncing.start()
            while not is_waited_for_me():
                assert time.monotonic() < give_up_at, "the sync never came to what is locked"
                time.sleep(0.01)
            lock("ada@acme.example")
    except OperationalError as circle:
        assert isinstance(circle.__cause__, DeadlockDetected)
        return False
    finally:
        syncing.join()
    return True


def test_a_sync_goes_on_where_it_was_broken_off_from_a_circle(
    committed_world: World, tmp_path: Path, settings: LazySettings
) -> None:
    settings.KENWARD_FOLDER_ROOTS = [tmp_path]
    share = held(committed_world, tmp_path / "share")
    before, give_up_at = deadlocks(), time.monotonic() + 60
    while not stand_in_the_way_of(share):
        assert time.monotonic() < give_up_at, "the sync was never the one that was broken off"
    with tenant_context(share.tenant), transaction.atomic():
        last = SyncRun.objects.latest("pk")
        assert (last.state, last.problems) == (RunState.SUCCEEDED, 0)
        assert list(SyncEvent.objects.filter(code="source_unavailable")) == []
    while deadlocks() == before:
        assert time.monotonic() < give_up_at, "there was no circle"
        time.sleep(0.1)
