"""`sandbox`: serves a simulated Google Drive and Slack, and the page on which to change them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.ops.sandbox import keys, sample, serve
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

        parser.add_argument(
            "--keys", type=Path, help="write what an application needs to sign in to this file"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve."""
        box = sample.build(options["redirect_uri"])
        base_url = f"http://{serve.HOST}:{options['port']}"
        if options["keys"] is not None:
            keys.write(box, base_url, options["keys"])
        self.stdout.write(f"sandbox {base_url}/")
        self.stdout.flush()
        serve.run(app(box), options["port"])
