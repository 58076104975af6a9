"""Notices changes in connected folders as they happen, and queues runs that look at them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import watchfiles
from django.db import DatabaseError, connections, transaction

from apps.connections import providers
from apps.connections.errors import ConnectorError
from apps.connections.models import Connection
from apps.connections.protocol import Watches
from apps.sync_events import runs, schedule, tasks
from apps.sync_events.models import SyncRun
from apps.tenants.context import tenant_context
from apps.tenants.models import Tenant

log = logging.getLogger(__name__)

# Changes closer together than this are one change (milliseconds).
DEBOUNCE_MS = 150
# How often the list of connected folders is read again (seconds).
REFRESH_S = 2


@dataclass(frozen=True, slots=True)
class Watched:
    """A folder and the connection that it belongs to."""

    folder: Path
    tenant_id: int
    connection_id: int


def watch(stop: threading.Event) -> None:
    """Watch every connected folder until `stop` is set; new connections join within seconds.

    Changes from before the start are found by the sweep that is requested for each folder.
    """
    known: frozenset[Watched] = frozenset()
    while not stop.is_set():
        try:
            current = watched_folders()
            for added in current - known:
                _request_sweep(added)
            known = current
            _watch_until_list_changes(known, stop)
        except DatabaseError as error:  # what changes meanwhile, the sweeps after it find
            log.warning("the database does not answer: %s", error)
            connections.close_all()  # a broken connection is never opened again by itself
            known = frozenset()
            stop.wait(REFRESH_S)


def watched_folders() -> frozenset[Watched]:
    """Return the folders of all active connections of all tenants that can be watched."""
    found: set[Watched] = set()
    for tenant_id in Tenant.objects.filter(is_active=True).values_list("pk", flat=True):
        with tenant_context(tenant_id), transaction.atomic():
            for source in Connection.objects.syncing():
                folders = _folders_of(source)
                found |= {Watched(folder, tenant_id, source.pk) for folder in folders}
    return frozenset(found)


def note(changed: Iterable[Path], watched: Iterable[Watched]) -> None:
    """Queue runs for the connections whose folders hold the changed paths."""
    changed = list(changed)
    for place in watched:
        inside = [str(path) for path in changed if path.is_relative_to(place.folder)]
        if inside:
            _note_for(place, inside)


def _note_for(place: Watched, paths: list[str]) -> None:
    with tenant_context(place.tenant_id), transaction.atomic():
        source = Connection.objects.syncing().filter(pk=place.connection_id).first()
        connector = providers.connector_for(source) if source is not None else None
        if source is None or not isinstance(connector, Watches):
            return
        if connector.changes_permissions(paths):
            run = schedule.request_permissions(source, trigger=SyncRun.Trigger.CHANGE)
            tasks.send_run(place.tenant_id, run.pk, run.lane)
        names = connector.external_ids(paths)
        if names:
            run = runs.note_changes(source, names)
            tasks.send_run(place.tenant_id, run.pk, run.lane)


def _watch_until_list_changes(known: frozenset[Watched], stop: threading.Event) -> None:
    folders = {place.folder for place in known}
    if not folders:
        stop.wait(REFRESH_S)
        return
    try:
        for changes in watchfiles.watch(
            *folders,
            watch_filter=None,
            debounce=DEBOUNCE_MS,
            step=30,
            stop_event=stop,
            rust_timeout=REFRESH_S * 1000,
            yield_on_timeout=True,
            raise_interrupt=False,
            ignore_permission_denied=True,
        ):
            note((Path(path) for _, path in changes), known)
            if watched_folders() != known:
                return
    except OSError as error:  # a folder vanished, or the system allows no more watches
        log.warning("folders cannot be watched just now, sweeps go on: %s", error)
        stop.wait(REFRESH_S)


def _folders_of(source: Connection) -> list[Path]:
    try:
        connector = providers.connector_for(source)
    except ConnectorError:
        return []
    if not isinstance(connector, Watches):
        return []
    return [Path(folder) for folder in connector.watched_folders() if Path(folder).is_dir()]


def _request_sweep(place: Watched) -> None:
    with tenant_context(place.tenant_id), transaction.atomic():
        source = Connection.objects.get(pk=place.connection_id)
        schedule.request_sweep(source, trigger=SyncRun.Trigger.SCHEDULE)
