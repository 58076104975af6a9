"""`sandbox`: serves a simulated Google Drive and Slack, and the page on which to change them."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.ops.sandbox import sample, serve
from apps.ops.sandbox.page.app import app


class Command(BaseCommand):
    """Serves until stopped; nothing of it is kept."""

    help = "Serves simulated sources with a sample company, on this machine only."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--port", type=int, default=8010, help="port to serve at")
        parser.add_argument(
            "--redirect-uri",
            action="append",
            default=[],
            help="where Kenward is sent back to after consent; can be given several times",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve."""
        box = sample.build(options["redirect_uri"])
        self.stdout.write(f"sandbox http://{serve.HOST}:{options['port']}/")
        self.stdout.flush()
        serve.run(app(box), options["port"])
