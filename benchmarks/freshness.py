"""How long a change in a folder takes to show: from the closed file to the first answer with it.

A Kenward of its own is started with the sample company, and asked through its search page, polled.
Run it on an idle machine:  .venv/bin/python -m benchmarks.freshness
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx2
import yaml

from benchmarks import report
from benchmarks.web import signed_in
from tests.e2e.running import Running

READER = "colin.thwaite@tarnbrook.example"
COMPANY = "tarnbrook-cycles"
POLL_S = 0.02
GIVE_UP_S = 30


def main() -> int:
    """Measure appearing, changing, disappearing and losing a permission."""
    options = report.arguments(__doc__ or "")
    rounds = 3 if options.quick else 20
    with tempfile.TemporaryDirectory() as folder:
        kenward = Running(Path(folder) / "var").start()
        try:
            kenward.wait_for("ready ", timeout_s=120)
            figures = _measure(kenward, rounds)
        finally:
            kenward.stop()
    return report.show(figures, options.out)


def _measure(kenward: Running, rounds: int) -> list[report.Figure]:
    client = signed_in(kenward, READER)
    company = kenward.data_dir / "sample" / COMPANY
    appeared, changed, gone, revoked = [], [], [], []
    for number in range(rounds):
        path = company / "company" / f"freshness-{number}.md"
        first, second = f"quillfeather{number}a", f"quillfeather{number}b"
        appeared.append(_until(client, first, partial(_write, path, first), is_there=True))
        changed.append(_until(client, second, partial(_write, path, second), is_there=True))
        gone.append(_until(client, second, path.unlink, is_there=False))
        revoked.append(_revocation(client, company))
    settings = {"documents": 61, "database": "embedded, its default memory settings"}
    return [
        *report.median_and_maximum("new file searchable", appeared, bound=5, settings=settings),
        *report.median_and_maximum("changed file searchable", changed, bound=5, settings=settings),
        *report.median_and_maximum("deleted file gone", gone, bound=2, settings=settings),
        *report.median_and_maximum(
            "lost permission effective", revoked, bound=2, settings=settings
        ),
    ]


def _revocation(client: httpx2.Client, company: Path) -> float:
    """Take the reader's group out of payroll, and put it back afterwards."""
    manifest = company / "kenward.yaml"
    before = manifest.read_text(encoding="utf-8")
    rules = yaml.safe_load(before)
    rules["groups"]["payroll"]["members"].remove("finance-leads")
    narrowed = yaml.safe_dump(rules, sort_keys=False)
    query = "How large is the bonus pool for 2026?"
    seconds = _until(
        client, query, lambda: manifest.write_text(narrowed), is_there=False, mark="142,000"
    )
    _until(client, query, lambda: manifest.write_text(before), is_there=True, mark="142,000")
    return seconds


def _write(path: Path, word: str) -> None:
    path.write_text(f"# Notes on {word}\n\n{_sentence(word)}\n")


def _sentence(word: str) -> str:
    return f"The {word} is stored in cabinet seven."


def _until(
    client: httpx2.Client,
    query: str,
    act: Callable[[], object],
    *,
    is_there: bool,
    mark: str = "",
) -> float:
    """Act, then ask until the mark is there (or not any more); return the seconds it took."""
    mark = mark or _sentence(query)
    act()
    started = time.monotonic()
    while time.monotonic() - started < GIVE_UP_S:
        page = client.get("/search/", params={"q": query}).raise_for_status().text
        if (mark in re.sub(r"</?mark>", "", page)) == is_there:
            return time.monotonic() - started
        time.sleep(POLL_S)
    raise SystemExit(f"{query!r} did not {'appear' if is_there else 'disappear'}")


if __name__ == "__main__":
    sys.exit(main())
