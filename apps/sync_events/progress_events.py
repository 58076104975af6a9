"""Tells open pages of the admin that a run has changed: its id and nothing else.

Said through the channel layer, so that it reaches the sockets of all web processes from workers in
others. What a page shows is read by its own socket, for whoever has opened it.
"""

from __future__ import annotations

import time
from functools import partial

from django.db import transaction

from apps.sync_events import channel_thread, pace
from apps.sync_events.models import SyncRun
from apps.tenants.context import required_tenant_id

# Of one run this process tells no more often (seconds); a page looks by itself every other second.
APART_S = 0.25
# Runs of which is known when they were last told of; more are forgotten.
_KNOWN = 500

_told_at: dict[int, float] = {}


def group_of(tenant_id: int) -> str:
    """Return the name of the group of sockets that watch the syncs of a tenant."""
    return f"sync-{tenant_id}"


def stored(run: SyncRun) -> None:
    """Note how far a run is after a page, and tell of it once that is committed.

    Args:
        run: locked; the caller saves it.
    """
    pace.note(run)
    transaction.on_commit(partial(_send_paced, run.tenant_id, run.pk), robust=True)


def tell(run_id: int) -> None:
    """Tell of a run of the bound tenant that is new, or in another state, once it is committed."""
    transaction.on_commit(partial(_send, required_tenant_id(), run_id), robust=True)


def _send_paced(tenant_id: int, run_id: int) -> None:
    now = time.monotonic()
    if now - _told_at.get(run_id, -APART_S) < APART_S:
        return
    if len(_told_at) >= _KNOWN:
        _told_at.clear()
    _told_at[run_id] = now
    _send(tenant_id, run_id)


def _send(tenant_id: int, run_id: int) -> None:
    # A sync never waits, or fails, because nobody can be told: pages look by themselves, too.
    channel_thread.send_soon(group_of(tenant_id), {"type": "run.changed", "run": run_id})
