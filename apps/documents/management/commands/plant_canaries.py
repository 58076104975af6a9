"""Plants canary documents where they are missing; beat does the same once a minute."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from typing_extensions import override

from apps.documents import canary_planting


class Command(BaseCommand):
    """`./kenward plant_canaries`."""

    help = "Plant canary documents in every tenant that lacks them."

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Plant them, and say how many."""
        self.stdout.write(f"{canary_planting.plant_everywhere()} canary documents planted")
