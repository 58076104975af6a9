"""The inner half of `./kenward prove_permissions`: runs against the database in the environment.

Never call it on a database that holds anything: the command starts an empty one and calls this.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apps.ops.proof.run import Tally

_TOLD_EVERY_S = 5.0


def main() -> int:
    """Run the proof as the arguments say, and return the exit code: 1 for a disagreement."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from apps.ops.proof import report, run

    told = _arguments()
    if not told.is_one_of_many:
        _migrate()
    if told.jobs > 1:
        return _together(told)
    enough = run.for_minutes(told.minutes) if told.minutes else run.for_steps(told.steps)
    started = time.monotonic()
    tally = run.prove(seed=told.seed, go_on=_telling(enough, is_quiet=told.json))
    report.show(tally, seed=told.seed, seconds=time.monotonic() - started, only_json=told.json)
    return 1 if tally.disagreements else 0


def _migrate() -> None:
    from django.core.management import call_command

    call_command("migrate", database="owner", verbosity=0, interactive=False)


def _together(told: argparse.Namespace) -> int:
    """Share the steps among processes with seeds of their own, and add up what they found."""
    from apps.ops.proof import report

    steps = -(-told.steps // told.jobs)
    length = ["--minutes", str(told.minutes)] if told.minutes else ["--steps", str(steps)]
    started = time.monotonic()
    children = [
        subprocess.Popen(  # noqa: S603  our own module with checked arguments
            [
                *(sys.executable, "-m", "apps.ops.proof", *length),
                *("--seed", str(told.seed + number), "--is-one-of-many"),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if told.json else None,
            text=True,
        )
        for number in range(told.jobs)
    ]
    said = [child.communicate()[0] for child in children]
    report.add_up(said, seconds=time.monotonic() - started, only_json=told.json)
    return exit_code([child.returncode for child in children])


def exit_code(of_children: Sequence[int]) -> int:
    """Return 0 only where all have ended well: one that was killed says so by a negative number."""
    return 1 if any(of_children) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=0.0)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--is-one-of-many", action="store_true")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _telling(enough: Callable[[Tally], bool], *, is_quiet: bool) -> Callable[[Tally], bool]:
    """Return the same decision, which also says now and then how far it is."""
    started = told_at = time.monotonic()

    def go_on(tally: Tally) -> bool:
        nonlocal told_at
        now = time.monotonic()
        if not is_quiet and now - told_at > _TOLD_EVERY_S:
            told_at = now
            sys.stderr.write(
                f"{tally.steps:,} steps, {tally.verdicts:,} verdicts,"
                f" {len(tally.disagreements)} disagreements,"
                f" {tally.steps / (now - started):.1f} steps/s\n"
            )
        # One disagreement is enough: what follows from it would only hide its cause.
        return not tally.disagreements and enough(tally)

    return go_on


if __name__ == "__main__":
    sys.exit(main())
