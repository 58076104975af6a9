"""`resume_after_stop`: run it before the web server starts, where `up` starts not everything."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from apps.ops import resume


class Command(BaseCommand):
    """Hides what was permitted before a stop until the sources have confirmed it."""

    help = (
        "After a stop of more than a minute: let no document be shown before its permissions have"
        " been confirmed anew. After a shorter one it changes nothing."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it for every tenant."""
        resume.resume()
