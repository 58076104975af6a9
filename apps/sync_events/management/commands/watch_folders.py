"""`watch_folders`: one of the processes of `up`."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from apps.sync_events import watch


class Command(BaseCommand):
    """Runs until SIGTERM or SIGINT."""

    requires_system_checks = ()
    help = "Watch the connected folders and sync what changes."

    def handle(self, *args: Any, **options: Any) -> None:
        """Watch until asked to stop."""
        stop = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
        watch.watch(stop)
