"""`sample_passwords`: new passwords for the people of the sample company."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError

from apps.ops import sample


class Command(BaseCommand):
    """Prints new sign-ins; the old ones end."""

    help = "Gives the people of the sample company new passwords and prints them, once."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--reset", action="store_true", help="make new passwords")
        parser.add_argument("--json", action="store_true", help="print a JSON list")

    def handle(self, *args: Any, **options: Any) -> None:
        """Reset and print."""
        if not options["reset"]:
            raise CommandError(
                "Only hashes of the passwords are stored; --reset makes new ones.", returncode=2
            )
        try:
            signins = sample.reset_passwords()
        except OperationalError as error:
            raise CommandError(
                "The database does not answer. Run ./kenward up first, and this beside it.",
                returncode=2,
            ) from error
        if options["json"]:
            self.stdout.write(json.dumps([asdict(signin) for signin in signins]))
            return
        for line in sample.table(signins) or ["The sample company is not loaded."]:
            self.stdout.write(line)
