"""`prove_permissions`: tries to prove Kenward's permissions wrong, in an empty database."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from apps.ops import embedded
from apps.ops.embedded_paths import APPLICATION, OWNER, postgres_url, redis_url

_STEPS = 2_000


class Command(BaseCommand):
    """Compares what Kenward answers with what random sources answer by their own rules."""

    help = (
        "Change random companies at random and compare, after every step and for every person,"
        " what Kenward lets them read with the sources' own rules. Uses a database of its own,"
        " which is deleted afterwards. Exits 1 for a disagreement."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take how long, and which run."""
        length = parser.add_mutually_exclusive_group()
        length.add_argument("--steps", type=int, default=_STEPS, help=f"default {_STEPS:,}")
        length.add_argument("--minutes", type=float, help="instead of a number of steps")
        parser.add_argument("--seed", type=int, help="repeat a run; random by default")
        parser.add_argument(
            "--jobs",
            type=int,
            default=min(os.cpu_count() or 1, 4),
            help="processes that share the steps, each with its own seed (default %(default)s)",
        )
        parser.add_argument("--json", action="store_true", help="print nothing but the last line")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the proof in a process of its own, whose environment names the empty database."""
        seed = options["seed"] if options["seed"] is not None else secrets.randbelow(1_000_000)
        length = (
            ["--minutes", str(options["minutes"])]
            if options["minutes"]
            else ["--steps", str(options["steps"])]
        )
        told = [*length, "--seed", str(seed), "--jobs", str(max(options["jobs"], 1))]
        told += ["--json"] if options["json"] else []
        with tempfile.TemporaryDirectory(prefix="kenward-proof-") as folder:
            data_dir = Path(folder)
            _share_models(data_dir)
            with embedded.running(data_dir, for_tests=True):
                ended = subprocess.run(  # noqa: S603  our own module with checked arguments
                    [sys.executable, "-m", "apps.ops.proof", *told],
                    cwd=settings.BASE_DIR,
                    env=_environment(data_dir),
                    check=False,
                )
        sys.exit(ended.returncode)


def _share_models(data_dir: Path) -> None:
    """Let the process find the embedding model that is built already, or keep the one it builds."""
    built = Path(settings.KENWARD_DATA_DIR) / "models"
    built.mkdir(parents=True, exist_ok=True)
    (data_dir / "models").symlink_to(built)


def _environment(data_dir: Path) -> dict[str, str]:
    """Return an environment that leads to the empty database and to no model of somebody else's."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DATABASE_", "REDIS_", "LLM_", "EMBEDDING_"))
    }
    return kept | {
        "DATABASE_URL": postgres_url(data_dir, OWNER),
        "DATABASE_APP_URL": postgres_url(data_dir, APPLICATION),
        "REDIS_URL": redis_url(data_dir),
        "KENWARD_DATA_DIR": str(data_dir),
        "KENWARD_ENV": "development",
    }
