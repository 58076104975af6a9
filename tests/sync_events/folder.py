"""A connected folder, and the whole of its sync, for tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.db import transaction

from apps.connections import create
from apps.connections.models import Connection
from apps.documents.models import Document
from apps.sync_events import engine, runs, schedule
from apps.sync_events.models import SyncRun
from apps.tenants.context import tenant_context
from apps.tenants.models import Tenant


@dataclass
class Folder:
    """A folder on disk with its connection."""

    path: Path
    tenant: Tenant
    connection: Connection

    def write(self, **files: str) -> None:
        """Write files; a double underscore in a name stands for a folder."""
        for name, text in files.items():
            target = self.path / (name.replace("__", "/") + ".md")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")

    def sweep(self) -> SyncRun:
        """Compare everything now, to the end; returns the content run."""
        with tenant_context(self.tenant):
            with transaction.atomic():
                content = schedule.request_sweep(self.connection, trigger=SyncRun.Trigger.SCHEDULE)
            self.work_off()
            with transaction.atomic():
                content.refresh_from_db()
        return content

    def changed(self, *names: str) -> None:
        """Tell of changed paths and look at them."""
        with tenant_context(self.tenant):
            runs.note_changes(self.connection, names)
            self.work_off()

    def permissions_changed(self) -> None:
        """Tell that the manifest has changed, and read it."""
        with tenant_context(self.tenant):
            with transaction.atomic():
                schedule.request_permissions(self.connection, trigger=SyncRun.Trigger.CHANGE)
            self.work_off()

    def work_off(self) -> None:
        """Work on every run that can be claimed."""
        for _ in range(1_000):
            claimable = schedule.claimable_runs()
            if not claimable:
                return
            for run_id, _ in claimable:
                engine.work(run_id)
        raise AssertionError("the runs never end")

    def documents(self) -> dict[str, Document]:
        """Return the live documents by path."""
        with tenant_context(self.tenant), transaction.atomic():
            return {d.path: d for d in Document.objects.live().filter(connection=self.connection)}


def connect(tenant: Tenant, path: Path, *, access: str = "all_members") -> Folder:
    """Connect a folder that exists."""
    connection = create.create(
        tenant=tenant,
        actor=None,
        kind="file_share",
        name=path.name,
        settings={"path": str(path), "access": access, "audience": []},
    )
    return Folder(path, tenant, connection)
