"""A folder whose widenings wait, and what is decided about them."""

from __future__ import annotations

from pathlib import Path

from django.db import transaction

from apps.acls.models import HeldChange, HoldState
from apps.audit.models import Event
from apps.connections.models import Connection
from apps.sync_events import holds_changes
from apps.tenants.context import tenant_context
from tests.sync_events.folder import Folder, connect
from tests.world import World

MANIFEST = """
version: 1
groups:
  staff: {members: [ada@acme.example, bo@acme.example]}
  finance: {members: [ada@acme.example]}
folders:
  ".": {readers: [staff]}
  finance: {readers: [finance], inherit: false}
"""
OPEN_FINANCE = (
    "{readers: [finance], inherit: false}",
    "{readers: [finance, staff], inherit: false}",
)


def made(world: World, path: Path, *, hold_above: int | None) -> Folder:
    path.mkdir()
    (path / "kenward.yaml").write_text(MANIFEST)
    folder = connect(world.acme, path, access="manifest")
    folder.write(handbook="# H", finance__budget="# B", finance__rates="# R")
    set_hold(folder, hold_above)
    folder.sweep()
    return folder


def set_hold(folder: Folder, above: int | None) -> None:
    with tenant_context(folder.tenant), transaction.atomic():
        Connection.objects.filter(pk=folder.connection.pk).update(hold_above=above)


def held(world: World, path: Path) -> Folder:
    """Return a swept folder whose widenings wait above one document."""
    folder = made(world, path, hold_above=None)
    set_hold(folder, 1)
    return folder


def changes(folder: Folder, state: HoldState = HoldState.WAITING) -> list[HeldChange]:
    with tenant_context(folder.tenant), transaction.atomic():
        return list(HeldChange.objects.filter(state=state).order_by("pk"))


def decide(folder: Folder, world: World, *, agrees: bool) -> None:
    (change,) = changes(folder)
    with tenant_context(folder.tenant):
        holds_changes.decide(change, agrees=agrees, seen=change.fingerprint, actor_id=world.ida.pk)
        folder.work_off()


def recorded(folder: Folder, prefix: str) -> list[str]:
    with tenant_context(folder.tenant), transaction.atomic():
        found = Event.objects.filter(action__startswith=prefix).order_by("pk")
        return list(found.values_list("action", flat=True))
