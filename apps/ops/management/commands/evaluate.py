"""`evaluate`: measures the search on a collection, or on a tenant's own questions."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError

from apps.errors import KenwardError
from apps.ops import embedded
from apps.ops.embedded_paths import APPLICATION, OWNER, postgres_url, redis_url
from apps.ops.evaluation import datasets
from apps.search import retrieve
from apps.search.evaluation import report, tenant_run
from apps.search.evaluation.questions import Split
from apps.search.stages import Expansion

_ANSWERS = 50
_MOST_CANDIDATES = 1_000


class Command(BaseCommand):
    """Prints nDCG@10, recall@10, recall@100, MRR and milliseconds of each stage of the search."""

    help = (
        "Measure the search. With a folder: index that collection in a database of its own, which"
        " is deleted afterwards, and ask its questions as an ordinary member. With --tenant: ask a"
        " question set of that tenant, as one of its members. See docs/quality.md."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what is measured, and how much of it."""
        parser.add_argument("folder", nargs="?", help="a collection with judged questions")
        parser.add_argument("--tenant", metavar="SLUG", help="a tenant's own questions")
        parser.add_argument("--questions", metavar="NAME", help="which set of that tenant")
        parser.add_argument("--as", dest="email", metavar="EMAIL", help="the member who asks")
        parser.add_argument(
            "--split",
            choices=[split.value for split in Split],
            help="questions to tune by, to report on, or all; default: the collection's own test"
            " split, or all where it has none",
        )
        parser.add_argument(
            "--answers",
            type=int,
            metavar="N",
            help="judge the citations of the answers to N questions of a collection"
            f" (default {_ANSWERS}; 0 for none)",
        )
        parser.add_argument(
            "--candidates",
            type=int,
            default=retrieve.CANDIDATES,
            metavar="N",
            help="passages that the lexical and the vector search each find (default as in the"
            " product, %(default)s)",
        )
        parser.add_argument(
            "--expansion",
            choices=Expansion.values,
            default=Expansion.NONE,
            help="what the configured language model adds to each question of a collection",
        )
        parser.add_argument(
            "--gains",
            action="store_true",
            help="ask again without each stage of the search, and say what it brings",
        )
        parser.add_argument("--json", metavar="FILE", help="write everything there as JSON, too")

    def handle(self, *args: Any, **options: Any) -> None:
        """Measure one or the other."""
        if not 1 <= options["candidates"] <= _MOST_CANDIDATES:
            raise _wrong(f"--candidates is 1 to {_MOST_CANDIDATES:,}.")
        if options["json"] and not _path(options["json"]).parent.is_dir():
            raise _wrong(f"There is no folder for {options['json']}.")  # rather now than at the end
        names = [options[name] for name in ("tenant", "questions", "email")]
        if options["folder"] and not any(names):
            sys.exit(_in_a_database_of_its_own(options))
        if options["folder"] or not all(names):
            raise _wrong("Name a folder, or --tenant, --questions and --as together.")
        if options["answers"]:
            raise _wrong(
                "--answers goes with a folder: answers are stored conversations, and those of a"
                " member are that member's."
            )
        self._of_tenant(options)

    def _of_tenant(self, options: dict[str, Any]) -> None:
        wanted = tenant_run.Wanted(
            tenant=options["tenant"],
            questions=options["questions"],
            email=options["email"],
            split=Split(options["split"]) if options["split"] else None,
            candidates=options["candidates"],
            with_gains=options["gains"],
        )
        try:
            found = tenant_run.evaluate(wanted)
        except OperationalError as error:
            raise _wrong(
                "The database does not answer. Run ./kenward up first, and this beside it."
            ) from error
        except KenwardError as error:
            raise _wrong(str(error)) from error
        for line in report.lines(found):
            self.stdout.write(line)
        if options["json"]:
            report.save(found, _path(options["json"]))


def _in_a_database_of_its_own(options: dict[str, Any]) -> int:
    """Run the evaluation as a process whose environment names an empty database."""
    folder = _path(options["folder"])
    try:
        datasets.found_in(folder)
    except KenwardError as error:
        raise _wrong(str(error)) from error
    answers = _ANSWERS if options["answers"] is None else max(options["answers"], 0)
    told = ["--candidates", str(options["candidates"]), "--answers", str(answers)]
    told += ["--expansion", options["expansion"], *(["--gains"] if options["gains"] else [])]
    told += ["--split", options["split"]] if options["split"] else []
    told += ["--json", str(_path(options["json"]))] if options["json"] else []
    with tempfile.TemporaryDirectory(prefix="kenward-evaluation-") as place:
        data_dir, files = Path(place).resolve() / "data", Path(place).resolve() / "files"
        data_dir.mkdir()
        files.mkdir()
        _share_models(data_dir)
        with embedded.running(data_dir, for_tests=True):
            ended = subprocess.run(  # noqa: S603  our own module with checked arguments
                [
                    *(sys.executable, "-m", "apps.ops.evaluation", str(folder)),
                    *("--files", str(files), *told),
                ],
                cwd=settings.BASE_DIR,
                env=_environment(data_dir, files),
                check=False,
            )
    return ended.returncode


def _share_models(data_dir: Path) -> None:
    """Let the process find the embedding model that is built already, or keep the one it builds."""
    built = Path(settings.KENWARD_DATA_DIR) / "models"
    built.mkdir(parents=True, exist_ok=True)
    (data_dir / "models").symlink_to(built)


def _environment(data_dir: Path, files: Path) -> dict[str, str]:
    """Return an environment that leads to the empty database; the models are those configured."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DATABASE_", "REDIS_"))
    }
    return kept | {
        "DATABASE_URL": postgres_url(data_dir, OWNER),
        "DATABASE_APP_URL": postgres_url(data_dir, APPLICATION),
        "REDIS_URL": redis_url(data_dir),
        "KENWARD_DATA_DIR": str(data_dir),
        "KENWARD_ENV": "development",
        "KENWARD_FOLDER_ROOTS": str(files),
    }


def _path(told: str) -> Path:
    """Return a path that was told relative to where ./kenward was called."""
    return Path(os.environ.get("KENWARD_CALLED_FROM", "")).joinpath(told).resolve()


def _wrong(what: str) -> CommandError:
    return CommandError(what, returncode=2)
