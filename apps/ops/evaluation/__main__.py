"""The inner half of `./kenward evaluate`: runs against the database in the environment.

Never call it on a database that holds anything: the command starts an empty one and calls this.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path


def main() -> int:
    """Evaluate as the arguments say; return 2 for a collection that cannot be read."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.core.management import call_command

    from apps.errors import InvalidInput, Unavailable
    from apps.ops.evaluation import run
    from apps.search.evaluation import report
    from apps.search.evaluation.questions import Split

    told = _arguments()
    call_command("migrate", database="owner", verbosity=0, interactive=False)
    split = Split(told.split) if told.split else None
    try:
        found = run.evaluate(
            run.Wanted(
                told.folder, split, told.answers, told.candidates, told.expansion, told.gains
            ),
            told.files,
        )
    except (InvalidInput, Unavailable) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.writelines(f"{line}\n" for line in report.lines(found))
    if told.json:
        report.save(found, told.json)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=Path, required=True)
    parser.add_argument("--split", default="")
    parser.add_argument("--answers", type=int, required=True)
    parser.add_argument("--candidates", type=int, required=True)
    parser.add_argument("--expansion", default="none")
    parser.add_argument("--gains", action="store_true")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
