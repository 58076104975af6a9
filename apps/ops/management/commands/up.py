"""`up`: runs all of Kenward in the foreground."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from apps.ops import data_folder, sandbox_sources, start
from apps.ops.errors import CannotStart, KeptDying


class Command(BaseCommand):
    """Starts everything, says where it is, and stops everything at Ctrl-C."""

    help = "Runs Kenward: PostgreSQL, Redis, web, workers, beat and the folder watcher."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--host", default="127.0.0.1", help="address to serve at")
        parser.add_argument("--port", type=int, default=8000, help="port to serve at")
        parser.add_argument("--data-dir", type=Path, help="where everything is kept (var)")
        parser.add_argument("--folder", type=Path, help="also connect this folder, for all members")
        parser.add_argument("--tenant", default="", help="slug of the tenant that gets the folder")
        parser.add_argument(
            "--sample",
            action=argparse.BooleanOptionalAction,
            help="load the sample company (on the first start)",
        )

        parser.add_argument(
            "--sandbox",
            action="store_true",
            help="also run a simulated Google Drive and Slack, connected to the sample company",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until stopped; exit 2 means that the message says what to do, 1 is our fault."""
        try:
            self._restart_with_data_dir(options["data_dir"])
            if options["sandbox"]:
                self._restart_with_sandbox(options["port"])
            start.serve(_wishes(options), self._show)
        except CannotStart as error:
            self._fail(error.message, error.hint, code=2)
        except KeptDying as error:
            self._fail(error.message, error.hint, code=1)

    def _restart_with_data_dir(self, data_dir: Path | None) -> None:
        """Begin again where settings would look elsewhere; they were read before this command."""
        if data_dir is None or _absolute(data_dir) == settings.KENWARD_DATA_DIR:
            return
        data_folder.prepare(_absolute(data_dir))
        os.environ.pop("KENWARD_DATA_DIR_FILE", None)
        os.environ["KENWARD_DATA_DIR"] = str(_absolute(data_dir))
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - no shell wanted

    def _restart_with_sandbox(self, port: int) -> None:
        """Begin again with settings that let connections ask the simulated sources."""
        needed = sandbox_sources.environment(port)
        if all(os.environ.get(name) == value for name, value in needed.items()):
            return
        os.environ.update(needed)
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - no shell wanted

    def _show(self, line: str) -> None:
        try:
            self.stdout.write(line)
            self.stdout.flush()
        except BrokenPipeError:
            # Whoever read the lines is gone; Kenward goes on without saying more.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def _fail(self, message: str, hint: str, *, code: int) -> None:
        self.stderr.write(f"kenward: {message}")
        if hint:
            self.stderr.write(hint)
        sys.exit(code)


def _wishes(options: dict[str, Any]) -> start.Wishes:
    return start.Wishes(
        host=options["host"],
        port=options["port"],
        folder=_absolute(options["folder"]) if options["folder"] else None,
        tenant=options["tenant"],
        with_sample=options["sample"],
        with_sandbox=options["sandbox"],
    )


def _absolute(path: Path) -> Path:
    """Return the path as seen from where the person is; the launcher changes the folder."""
    called_from = os.environ.get("KENWARD_CALLED_FROM", "")
    return Path(os.path.abspath(Path(called_from) / path.expanduser()))  # noqa: PTH100 - keeps links
