"""`sync CONNECTION [--wait]`: start a full sync of a connection."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.db.models import Q

from apps.connections.models import Connection
from apps.sync_events import schedule, tasks
from apps.sync_events.models import UNFINISHED, SyncRun
from apps.tenants.context import tenant_context
from apps.tenants.models import Tenant


class Command(BaseCommand):
    """Requests a sweep and, with --wait, shows its progress."""

    help = "Sync a connection now, given by its id (UUID) or its name."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the connection, and whether to wait."""
        parser.add_argument("connection", help="id (UUID) or name of the connection")
        parser.add_argument("--tenant", help="slug of its tenant, where a name stands twice")
        parser.add_argument("--wait", action="store_true", help="wait until the sync has ended")

    def handle(self, *args: Any, **options: Any) -> None:
        """Find the connection, request the sweep, follow it."""
        tenant, source = self._find(options["connection"], options["tenant"])
        with tenant_context(tenant):
            with transaction.atomic():
                run = schedule.request_sweep(source, trigger=SyncRun.Trigger.PERSON)
                tasks.send_run(tenant.pk, run.pk, run.lane)
            self.stdout.write(f"sync of {source.name} requested")
            if options["wait"]:
                self._follow(run)

    def _find(self, wanted: str, slug: str | None) -> tuple[Tenant, Connection]:
        tenants = Tenant.objects.filter(is_active=True, **({"slug": slug} if slug else {}))
        found = []
        for tenant in tenants:
            with tenant_context(tenant), transaction.atomic():
                named = Q(uuid=wanted) if _is_uuid(wanted) else Q(name=wanted)
                found += [(tenant, source) for source in Connection.objects.filter(named)]
        if not found:
            raise CommandError(f"There is no connection {wanted!r}.")
        if len(found) > 1:
            raise CommandError(f"{wanted!r} stands for several connections: add --tenant.")
        return found[0]

    def _follow(self, run: SyncRun) -> None:
        while True:
            with transaction.atomic():
                run.refresh_from_db()
            self.stdout.write(f"{run.get_state_display()}: {run.seen} of {run.total or '?'} seen")
            if run.state not in UNFINISHED:
                break
            time.sleep(0.5)
        if run.state == "failed":
            raise CommandError(run.error)


def _is_uuid(value: str) -> bool:
    parts = value.split("-")
    return len(parts) == 5 and len(value) == 36
