"""`rotate_secrets`: write every stored secret anew under the newest key."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.ops import secret_rotation


class Command(BaseCommand):
    """Rewrites secrets, and says whether older keys can be taken out."""

    help = (
        "Writes all stored secrets under the newest key of KENWARD_SECRET_KEYS. Put the new key in"
        " front, restart everything, run this, then take the old key out."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate, and fail where a secret cannot be read."""
        done = secret_rotation.rotate()
        self.stdout.write(f"{done.seen} secrets looked at, {done.rewritten} rows written anew")
        if done.unreadable:
            for where in done.unreadable:
                self.stderr.write(f"no key opens: {where}")
            raise CommandError(
                "Some secrets were written with a key that is not in KENWARD_SECRET_KEYS. Put it"
                " back, or connect these accounts again.",
                returncode=1,
            )
        self.stdout.write("Keys other than the newest one are needed for no stored secret.")
